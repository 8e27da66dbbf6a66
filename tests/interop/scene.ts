/** A peer and this library, each at one end: whichever is the server. */
import assert from "node:assert/strict";
import { connect, type Connection, type Message, serve, type Server } from "../../mod.ts";
import { Peer } from "./peer.ts";
import { GREETING, type Report, SUBPROTOCOL } from "./peers/program.ts";
import type { Start } from "./programs.ts";

/** What not every peer can do: what a scenario needs of it, or what it tells of what it saw. */
export type Ability =
  | "ping"
  | "show pings"
  | "send fragments"
  | "send headers"
  | "show the answer"
  | "close without a code"
  | "show the subprotocol"
  | "show a refusal's status"
  | "tell the code it received"
  | "tell a lost connection as 1006"
  | "be killed";

/** One implementation in one role. */
export interface PeerKind {
  /** Such as `Bun.serve`. */
  readonly name: string;
  readonly role: "server" | "client";
  readonly start: Start;
  /** It starts so slowly that all its scenarios share one process, and are one test. */
  readonly slow?: boolean;
  /** What this peer cannot do, each with what is known of it. */
  readonly cannot: Partial<Record<Ability, string>>;
}

/** How one connection is to be opened. */
export interface Opening {
  readonly path?: string;
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** A connection, and what the peer saw of its opening. */
export interface Ends {
  readonly socket: Connection;
  readonly opened: Extract<Report, { event: "open" }>;
}

const LIMITS = { maxMessageSize: 32 * 1024 * 1024, maxBufferedAmount: 64 * 1024 * 1024 };
const REFUSAL = { status: 403, headers: { "content-type": "text/plain", "x-answer": "no" } };

/** One peer, ready to connect or to be connected to. */
export class Scene implements AsyncDisposable {
  readonly kind: PeerKind;
  readonly peer: Peer;
  readonly #port: number;
  readonly #server: Server | undefined;
  #accept: (socket: Connection) => void = () => {};

  private constructor(
    kind: PeerKind,
    peer: Peer,
    port: number,
    server: Server | undefined,
    accepted: Accepted,
  ) {
    this.kind = kind;
    this.peer = peer;
    this.#port = port;
    this.#server = server;
    accepted.tell = (socket) => this.#accept(socket);
  }

  static async begin(kind: PeerKind): Promise<Scene> {
    if ("missing" in kind.start) throw new Error(kind.start.missing);
    const peer = new Peer(kind.start.launcher);
    const accepted: Accepted = { tell: () => {} };
    try {
      const server = kind.role === "client" ? await ourServer(accepted) : undefined;
      const port = server?.port ?? (await peer.next("listening")).port;
      return new Scene(kind, peer, port, server, accepted);
    } catch (error) {
      await peer[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Opens a connection, and answers our end of it when the peer has told of its own. */
  async open(opening: Opening = {}): Promise<Connection> {
    return (await this.openAndTell(opening)).socket;
  }

  /** Opens a connection, and answers our end of it and what the peer saw. */
  async openAndTell({ path = "/", protocols = [], headers = {} }: Opening): Promise<Ends> {
    const url = `ws://127.0.0.1:${this.#port}${path}`;
    if (this.#server === undefined) {
      const socket = await connect(url, { protocols, headers, ...LIMITS });
      return { socket, opened: await this.peer.next("open") };
    }
    const accepted = new Promise<Connection>((resolve) => (this.#accept = resolve));
    this.peer.order({ connect: url, protocols, headers });
    const [socket, opened] = await Promise.all([accepted, this.peer.next("open")]);
    return { socket, opened };
  }

  /** Closes a connection that is no longer needed, and waits for both ends. */
  async close(socket: Connection): Promise<void> {
    assert.equal((await socket.close()).wasClean, true);
    await this.peer.next("close");
  }

  /** Orders a client peer to connect, and waits for nothing. */
  order(path: string): void {
    this.peer.order({ connect: `ws://127.0.0.1:${this.#port}${path}`, protocols: [], headers: {} });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.shutdown();
    await this.peer[Symbol.asyncDispose]();
  }
}

interface Accepted {
  tell(socket: Connection): void;
}

/** Our server behaves as the server peers do, but that what it receives is the test's. */
function ourServer(accepted: Accepted): Promise<Server> {
  return serve({
    port: 0,
    protocols: [SUBPROTOCOL],
    ...LIMITS,
    upgrade(request) {
      if (new URL(request.url).pathname === "/refuse") return new Response("Not today", REFUSAL);
      return { headers: { "x-answer": "seen" } };
    },
    // For browsers, which connect from a page.
    fetch: () => new Response("<!doctype html>", { headers: { "content-type": "text/html" } }),
  }, async (socket) => {
    if (new URL(socket.request!.url).pathname === "/greet") socket.send(GREETING);
    accepted.tell(socket);
    await socket.closed;
  });
}

/** The next message; throws if the connection ends before it. */
export async function take(socket: Connection): Promise<Message> {
  for await (const message of socket) return message;
  throw new Error(`The connection ended before the message: ${JSON.stringify(await socket.closed)}`);
}
