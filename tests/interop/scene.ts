/** A peer and this library, each at one end: whichever is the server. */
import assert from "node:assert/strict";
import { createSecureServer } from "node:http2";
import {
  type Acceptor,
  acceptor,
  type AcceptorOptions,
  type CompressionOptions,
  connect,
  type Connection,
  type Message,
  serve,
  type Server,
} from "../../mod.ts";
import { tls } from "../fixtures.ts";
import { listenHttp2 } from "../http2_server.ts";
import { Relay } from "../relay.ts";
import { Peer } from "./peer.ts";
import { GREETING, type Report, SUBPROTOCOL } from "./peers/program.ts";
import type { Start } from "./programs.ts";

/** What not every peer can do: what a scenario needs of it, or what it tells of what it saw. */
export type Ability =
  | "ping"
  | "show pings"
  | "send fragments"
  | "send headers"
  | "show the extensions"
  | "compress"
  | "compress as asked"
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
  /** As a client it is to use HTTP/2 (RFC 8441); our server speaks nothing else. */
  readonly http2?: boolean;
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
  /** How we compress; not at all if `undefined`. */
  readonly compression?: CompressionOptions;
}

/** A connection, and what the peer saw of its opening. */
export interface Ends {
  readonly socket: Connection;
  readonly opened: Extract<Report, { event: "open" }>;
}

/** A connection with compression, and what passes on its way. */
export interface WatchedEnds extends Ends {
  /** How many bytes of ours, and of the peer's, have passed. */
  passed(): { readonly ours: number; readonly theirs: number };
}

const LIMITS = { maxMessageSize: 32 * 1024 * 1024, maxBufferedAmount: 64 * 1024 * 1024 };
const REFUSAL = { status: 403, headers: { "content-type": "text/plain", "x-answer": "no" } };

/** One peer, ready to connect or to be connected to. */
export class Scene implements AsyncDisposable {
  readonly kind: PeerKind;
  readonly peer: Peer;
  readonly #port: number;
  readonly #server: OurServer | undefined;
  readonly #accepted: Accepted;
  /** By the compression that they are for: our server, if we have that role, and a relay in front of the server. */
  readonly #watched = new Map<string, { readonly server: OurServer | undefined; readonly relay: Relay }>();

  private constructor(
    kind: PeerKind,
    peer: Peer,
    port: number,
    server: OurServer | undefined,
    accepted: Accepted,
  ) {
    this.kind = kind;
    this.peer = peer;
    this.#port = port;
    this.#server = server;
    this.#accepted = accepted;
  }

  static async begin(kind: PeerKind): Promise<Scene> {
    if ("missing" in kind.start) throw new Error(kind.start.missing);
    const peer = new Peer(kind.start.launcher);
    const accepted: Accepted = { tell: () => {} };
    try {
      const server = kind.role === "client" ? await ourServer(kind, accepted) : undefined;
      const port = server?.port ?? (await peer.next("listening")).port;
      return new Scene(kind, peer, port, server, accepted);
    } catch (error) {
      await peer[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Opens a connection, and returns our side when the peer has reported its own. */
  async open(opening: Opening = {}): Promise<Connection> {
    return (await this.openAndTell(opening)).socket;
  }

  /** Opens a connection, and answers our end of it and what the peer saw. */
  openAndTell(opening: Opening): Promise<Ends> {
    return this.#open(opening, this.#port);
  }

  /** Opens a connection with compression, if the peer has it, and counts its bytes. */
  async openAndWatch(compression: CompressionOptions): Promise<WatchedEnds> {
    const { passed, port } = await this.#watchedWay(compression);
    const before = { ...passed };
    const ends = await this.#open({ compression }, port);
    return {
      ...ends,
      passed: () => {
        const there = passed.there - before.there;
        const back = passed.back - before.back;
        return this.#server === undefined ? { ours: there, theirs: back } : { ours: back, theirs: there };
      },
    };
  }

  async #open(
    { path = "/", protocols = [], headers = {}, compression = undefined }: Opening,
    port: number,
  ): Promise<Ends> {
    const url = `${schemeOf(this.kind)}://127.0.0.1:${port}${path}`;
    if (this.#server === undefined) {
      const socket = await connect(url, { protocols, headers, ...compressing(compression), ...LIMITS });
      return { socket, opened: await this.peer.next("open") };
    }
    const accepted = new Promise<Connection>((resolve) => (this.#accepted.tell = resolve));
    this.peer.order({ connect: url, protocols, headers });
    const [socket, opened] = await Promise.all([accepted, this.peer.next("open")]);
    return { socket, opened };
  }

  async #watchedWay(compression: CompressionOptions): Promise<Relay> {
    const key = JSON.stringify(compression);
    const known = this.#watched.get(key);
    if (known !== undefined) return known.relay;
    const server = this.#server === undefined
      ? undefined
      : await ourServer(this.kind, this.#accepted, compression);
    const relay = await Relay.listen(server?.port ?? this.#port);
    this.#watched.set(key, { server, relay });
    return relay;
  }

  /** Closes a connection that is no longer needed, and waits for both sides. */
  async close(socket: Connection): Promise<void> {
    assert.equal((await socket.close()).wasClean, true);
    await this.peer.next("close");
  }

  /** Orders a client peer to connect, and waits for nothing. */
  order(path: string): void {
    const connect = `${schemeOf(this.kind)}://127.0.0.1:${this.#port}${path}`;
    this.peer.order({ connect, protocols: [], headers: {} });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.shutdown();
    for (const { server } of this.#watched.values()) await server?.shutdown();
    await this.peer[Symbol.asyncDispose]();
    for (const { relay } of this.#watched.values()) await relay[Symbol.asyncDispose]();
  }
}

interface Accepted {
  tell(socket: Connection): void;
}

function compressing(compression: CompressionOptions | undefined): { compression?: CompressionOptions } {
  return compression === undefined ? {} : { compression };
}

function schemeOf({ http2 = false }: PeerKind): string {
  return http2 ? "wss" : "ws";
}

type OurServer = Pick<Server, "port"> & { shutdown(): Promise<void> };

/** Our server behaves as the server peers do, but that what it receives is the test's. */
function ourServer(
  { http2 = false }: PeerKind,
  accepted: Accepted,
  compression?: CompressionOptions,
): Promise<OurServer> {
  const options: AcceptorOptions = {
    protocols: [SUBPROTOCOL],
    ...compressing(compression),
    ...LIMITS,
    upgrade(request) {
      if (new URL(request.url).pathname === "/refuse") return new Response("Not today", REFUSAL);
      return { headers: { "x-answer": "seen" } };
    },
  };
  const handler = async (socket: Connection): Promise<void> => {
    if (new URL(socket.request!.url).pathname === "/greet") socket.send(GREETING);
    accepted.tell(socket);
    await socket.closed;
  };
  if (http2) return overHttp2(acceptor(options, handler));
  // For browsers, which connect from a page.
  const fetch = (): Response => new Response(PAGE, { headers: { "content-type": "text/html" } });
  return serve({ port: 0, ...options, fetch }, handler);
}

const WINDOW = 4 * 1024 * 1024;
const PAGE = "<!doctype html>";

async function overHttp2(accept: Acceptor): Promise<OurServer> {
  const server = createSecureServer(
    {
      cert: tls.cert,
      key: tls.key,
      // Of the 64 KiB that are the default, Deno's client sends some 20 a second.
      settings: { enableConnectProtocol: true, initialWindowSize: WINDOW },
    },
    (_, response) => {
      response.setHeader("content-type", "text/html");
      response.end(PAGE);
    },
  );
  return await listenHttp2(server, accept, (session) => session.setLocalWindowSize(WINDOW));
}

/** The next message; throws if the connection ends before it. */
export async function take(socket: Connection): Promise<Message> {
  for await (const message of socket) return message;
  throw new Error(`The connection ended before the message: ${JSON.stringify(await socket.closed)}`);
}
