/** The server behind a proxy: ours, on the runtime under test. */
import {
  type Connection,
  type ConnectionHandler,
  type HandshakeRequest,
  type Refusal,
  serve,
  type ServeOptions,
  type Server,
} from "../../mod.ts";

/** A server's options; it answers health checks unless `fetch` says otherwise, if only by being `undefined`. */
export type BackendOptions = Omit<ServeOptions, "fetch"> & { readonly fetch?: Fetch | undefined };
type Fetch = NonNullable<ServeOptions["fetch"]>;

/** A server that echoes, and remembers whom it met. */
export class Backend implements AsyncDisposable {
  readonly server: Server;
  /** The refusals so far. */
  readonly refusals: Refusal[];
  /** The connections that nobody has asked for yet. */
  readonly #accepted: Connection[];
  readonly #waiting: ((socket: Connection) => void)[];

  private constructor(
    server: Server,
    refusals: Refusal[],
    accepted: Connection[],
    waiting: ((socket: Connection) => void)[],
  ) {
    this.server = server;
    this.refusals = refusals;
    this.#accepted = accepted;
    this.#waiting = waiting;
  }

  static async listen(
    options: BackendOptions = {},
    open: (socket: Connection) => void = () => {},
  ): Promise<Backend> {
    const refusals: Refusal[] = [];
    const accepted: Connection[] = [];
    const waiting: ((socket: Connection) => void)[] = [];
    const handler: ConnectionHandler = {
      open: (socket) => {
        open(socket);
        const wanted = waiting.shift();
        if (wanted === undefined) accepted.push(socket);
        else wanted(socket);
      },
      message: (socket, message) => socket.send(message),
    };
    const { fetch, ...others } = { fetch: health, ...options };
    const server = await serve({
      port: 0,
      refused: (refusal) => void refusals.push(refusal),
      ...others,
      ...fetch === undefined ? {} : { fetch },
    }, handler);
    return new Backend(server, refusals, accepted, waiting);
  }

  /** Its address, as proxies name it. */
  get address(): string {
    return `127.0.0.1:${this.server.port}`;
  }

  /** The next connection that was not asked for yet. */
  accepted(): Promise<Connection> {
    const socket = this.#accepted.shift();
    return socket === undefined
      ? new Promise((resolve) => this.#waiting.push(resolve))
      : Promise.resolve(socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.server.connections) socket.abort();
    await this.server.shutdown();
  }
}

/** Answers health checks only. */
export function health(request: HandshakeRequest): Response {
  return new URL(request.url).pathname === "/healthz"
    ? new Response("ok\n")
    : new Response("There is no page here.\n", { status: 404 });
}
