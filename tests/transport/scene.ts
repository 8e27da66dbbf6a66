/** What the cases about dialling and listening share. */
import { equal, match, ok, rejects } from "node:assert/strict";
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from "node:net";
import type {
  Adapter,
  ConnectOptions,
  Listener,
  TlsServerOptions,
  Transport,
  TransportErrorCode,
} from "../../src/transport/transport.ts";
import { TransportError } from "../../src/transport/transport.ts";
import { Recorder } from "./recorder.ts";

/** Where everything happens. */
export const HOST = "127.0.0.1";

/** Where and how a case listens; by default on a free port. */
export interface Listening {
  hostname?: string;
  port?: number;
  tls?: TlsServerOptions;
  reusePort?: boolean;
  backlog?: number;
}

/** A listener whose accepted transports can be waited for; everything ends when the case does. */
export class Scene {
  readonly adapter: Adapter;
  readonly #accepted: Transport[] = [];
  readonly #recorders: Recorder[] = [];
  readonly #listeners: Listener[] = [];
  #wake: (() => void) | undefined;

  constructor(adapter: Adapter) {
    this.adapter = adapter;
  }

  async listen(options: Listening = {}): Promise<Listener> {
    const listener = await this.adapter.listen({
      hostname: HOST,
      port: 0,
      ...options,
      accept: (transport) => {
        this.#accepted.push(transport);
        this.#wake?.();
      },
    });
    this.#listeners.push(listener);
    return listener;
  }

  async accepted(): Promise<Transport> {
    while (this.#accepted.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#accepted.shift()!;
  }

  /** Owns and attaches a transport; it ends with the case. */
  own(transport: Transport): Recorder {
    const recorder = new Recorder(transport).attach();
    this.#recorders.push(recorder);
    return recorder;
  }

  async connect(options: ConnectOptions): Promise<Recorder> {
    return this.own(await this.adapter.connect(options));
  }

  /** Sends a word each way. */
  async greet(client: Recorder, server: Recorder): Promise<void> {
    const [before, after] = [server.total, client.total];
    client.write("ping");
    await server.received(before + 4);
    server.write("pong");
    await client.received(after + 4);
    ok(client.text.endsWith("pong") && server.text.endsWith("ping"));
  }

  async finish(): Promise<void> {
    for (const transport of this.#accepted) this.own(transport);
    for (const recorder of this.#recorders) recorder.abort();
    for (const recorder of this.#recorders) await recorder.until(() => recorder.closed);
    for (const listener of this.#listeners) await listener.close();
    for (const recorder of this.#recorders) recorder.verify();
  }
}

/** Asserts the kind of a failure, and that it is told in a sentence. */
export async function failsWith(code: TransportErrorCode, attempt: Promise<unknown>): Promise<void> {
  await rejects(attempt, (error) => {
    ok(error instanceof TransportError, String(error));
    equal(error.code, code, String(error.cause));
    match(error.message, /^Cannot .*\.$/s);
    return true;
  });
}

/** A TCP server of foreign make, and what it is to do with its sockets. */
export async function foreignServer(
  onSocket: (socket: Socket) => void,
): Promise<{ port: number; close(): Promise<void> }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A TCP client of foreign make. */
export async function foreignClient(port: number): Promise<Socket> {
  const socket = connectTcp(port, HOST);
  socket.on("error", () => {});
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  return socket;
}

/** Whether this machine has IPv6. */
export const ipv6: boolean = await new Promise<boolean>((resolve) => {
  const server = createServer();
  server.once("error", () => resolve(false));
  server.listen(0, "::1", () => server.close(() => resolve(true)));
});
