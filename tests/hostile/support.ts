/** What the tests of hostile peers share: servers of ours with hostile clients, and clients of ours with hostile servers. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import {
  type Close,
  connect,
  type Connection,
  type ConnectionHandler,
  type ConnectOptions,
  HandshakeError,
  type Message,
  serve,
  type ServeOptions,
  type Server,
} from "../../mod.ts";
import { acceptKey } from "../../src/handshake/accept_key.ts";
import { type Frame, frame, type FrameSpec, parseFrames } from "../protocol/frames.ts";
import { dial, exchange, RawPeer, RawServer, REQUEST } from "../raw_peer.ts";

/** The masking key of every frame of a hostile client. */
const KEY = [0x37, 0xfa, 0x21, 0x3d];

export const CONTINUATION = 0;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** Each byte as one character. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** Each character as one byte. */
export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** A client's frame, masked unless the test says otherwise. */
export function clientFrame(spec: FrameSpec): string {
  return latin1(frame({ key: KEY, ...spec }));
}

/** A server's frame. */
export function serverFrame(spec: FrameSpec): string {
  return latin1(frame(spec));
}

/** A whole text message of a client, and its Close frame with 1000. */
export const HI: string = clientFrame({ opcode: TEXT, payload: "hi" });
export const BYE: string = clientFrame({ opcode: CLOSE, payload: Uint8Array.of(0x03, 0xe8) });

/** Sends back what comes. */
export const ECHO: ConnectionHandler = { message: (socket, message) => socket.send(message) };

/** A server whose closes a test can wait for, one after the other. */
export function closes(): { handler: ConnectionHandler; next: () => Promise<Close> } {
  const came: Close[] = [];
  return {
    handler: { ...ECHO, close: (_, close) => void came.push(close) },
    next: async () => {
      await until(() => came.length > 0);
      return came.shift()!;
    },
  };
}

/** A server under attack. */
export interface Served {
  readonly server: Server;
  readonly port: number;
  /** What the `error` hook was told. A test that expects some takes them out. */
  readonly errors: unknown[];
}

/**
 * Serves on a free port until `use` is done. No peer may make the server report an error of the application's. There are no
 * heartbeats by default: on a busy machine a flood may take longer than their interval.
 */
export async function serving(
  options: ServeOptions,
  handler: ConnectionHandler,
  use: (served: Served) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  const defaults: ServeOptions = { port: 0, heartbeat: false, error: (error) => void errors.push(error) };
  const server = await serve({ ...defaults, ...options }, handler);
  try {
    await use({ server, port: server.port, errors });
    assert.deepEqual(errors, [], "the error hook was told of something");
  } finally {
    await server.shutdown({ deadline: 0 });
  }
}

/** What a server said to a peer, or a client. */
export interface Heard {
  /** The status code of the response; NaN where there is none. */
  readonly status: number;
  /** The response's head. */
  readonly head: string;
  /** What came behind that, as it came. */
  readonly rest: string;
}

export function heard(received: string): Heard {
  const end = received.indexOf("\r\n\r\n");
  const head = end === -1 ? received : received.slice(0, end + 4);
  return {
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]),
    head,
    rest: received.slice(head.length),
  };
}

/** The frames in what one side has sent behind its head. They keep every rule for their sender. */
export function framesIn(
  rest: string,
  { fromClient = false, deflate = false }: { fromClient?: boolean; deflate?: boolean } = {},
): Frame[] {
  return parseFrames(bytesOf(rest), fromClient, deflate);
}

/** The status code of a Close frame that ends them; `undefined` if there is none, 1005 for an empty one. */
export function closeCodeIn(frames: readonly Frame[]): number | undefined {
  const last = frames.at(-1);
  if (last?.opcode !== CLOSE) return undefined;
  return last.payload.length === 0 ? 1005 : last.payload[0]! * 256 + last.payload[1]!;
}

/** The reason of a Close frame that ends them. */
export function closeReasonIn(frames: readonly Frame[]): string {
  return new TextDecoder().decode(frames.at(-1)!.payload.subarray(2));
}

/** The text messages among them. */
export function textsIn(frames: readonly Frame[]): string[] {
  return frames.filter(({ opcode }) => opcode === TEXT).map(({ payload }) =>
    new TextDecoder().decode(payload)
  );
}

/** Opens a WebSocket, says this in the same segment, and answers what the server said until it ended the connection. */
export async function say(
  port: number,
  bytes: string,
  request: string = REQUEST,
): Promise<Heard & { frames: Frame[]; close: number | undefined; texts: string[] }> {
  const answer = heard(await exchange(port, request + bytes));
  assert.equal(answer.status, 101, answer.head);
  const frames = framesIn(answer.rest);
  return { ...answer, frames, close: closeCodeIn(frames), texts: textsIn(frames) };
}

/** The server still serves, and says `hi` to who says `hi`. */
export async function stillServes(port: number): Promise<void> {
  const { close, texts } = await say(port, HI + BYE);
  assert.deepEqual([texts, close], [["hi"], 1000], "the server is not what it was");
}

/** Dials, and drops the connection when `use` is done. */
export async function withPeer<Result>(
  port: number,
  use: (peer: RawPeer) => Promise<Result>,
): Promise<Result> {
  const peer = await dial(port);
  try {
    return await use(peer);
  } finally {
    await peer.destroy();
  }
}

/** As `withPeer`, with the opening handshake done. */
export async function withOpen<Result>(
  port: number,
  use: (peer: RawPeer) => Promise<Result>,
  request: string = REQUEST,
): Promise<Result> {
  return await withPeer(port, async (peer) => {
    peer.write(request);
    await peer.until("\r\n\r\n");
    return await use(peer);
  });
}

/** The response that accepts a client's request. */
export function acceptance(request: string, headers = ""): string {
  const key = /^Sec-WebSocket-Key: (.*)\r$/m.exec(request)![1]!;
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${acceptKey(key)}\r\n${headers}\r\n`;
}

/** What became of a client of ours. */
export interface Fate {
  readonly close: Close;
  /** The frames that it sent. */
  readonly frames: Frame[];
  /** The messages that it received. */
  readonly messages: Message[];
}

/** A client of ours whose server accepts, says these bytes and ends when the client does. */
export async function attackClient(
  bytes: string,
  { headers = "", ...options }: Omit<ConnectOptions, "headers"> & { headers?: string } = {},
): Promise<Fate> {
  let sent!: (text: string) => void;
  const all = new Promise<string>((resolve) => (sent = resolve));
  await using server = await RawServer.listen(async (peer) => {
    peer.write(acceptance(await peer.until("\r\n\r\n"), headers) + bytes);
    sent(await peer.untilEnd());
    peer.end();
  });
  const messages: Message[] = [];
  const socket = await connect(`ws://127.0.0.1:${server.port}/`, { closeTimeout: 100, ...options }, {
    message: (_, message) => void messages.push(message),
  });
  const close = await socket.closed;
  const frames = framesIn(heard(await all).rest, { fromClient: true, deflate: true });
  return { close, frames, messages };
}

/** How a client of ours fails whose server answers its request so, and then ends. */
export async function failClient(
  answer: string | ((request: string) => string),
  options: ConnectOptions = {},
): Promise<HandshakeError> {
  await using server = await RawServer.listen(async (peer) => {
    const request = await peer.until("\r\n\r\n");
    peer.write(typeof answer === "string" ? answer : answer(request));
    peer.end();
  });
  const error = await rejection(connect(`ws://127.0.0.1:${server.port}/`, options));
  assert.ok(error instanceof HandshakeError, String(error));
  return error;
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  let answer: unknown;
  try {
    answer = await promise;
  } catch (error) {
    assert.ok(error instanceof Error, String(error));
    return error;
  }
  if (typeof (answer as Connection)?.abort === "function") (answer as Connection).abort();
  throw new assert.AssertionError({ message: "what should have failed has not" });
}

/** Lets the event loop go round, so that what is going to happen by itself has its chance to. */
export async function turns(count = 10): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Waits until it holds; the runner ends a test that waits forever. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** A promise, and its ends. */
export function deferred<Value = void>(): {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
} {
  let resolve!: (value: Value) => void;
  const promise = new Promise<Value>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** A connection that takes as many bytes as the other side and the system between take, and reads only when it should. */
export class Flooder {
  readonly #socket: Socket;
  readonly peer: RawPeer;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.peer = new RawPeer(socket);
  }

  /** Dials. */
  static async dial(port: number): Promise<Flooder> {
    const socket = connectTcp({ host: "127.0.0.1", port, allowHalfOpen: true });
    await once(socket, "connect");
    return new Flooder(socket);
  }

  /** Dials and opens a WebSocket. */
  static async open(port: number, request: string = REQUEST): Promise<Flooder> {
    const flooder = await Flooder.dial(port);
    flooder.peer.write(request);
    await flooder.peer.until("\r\n\r\n");
    return flooder;
  }

  /** Bytes that were written and not yet handed to the system. */
  get waiting(): number {
    return this.#socket.writableLength;
  }

  /** Writes the same bytes this many times. Returns early if the connection is over. */
  async pour(bytes: Uint8Array, times = 1): Promise<void> {
    for (let time = 0; time < times && !this.#socket.destroyed; time++) {
      if (!this.#socket.write(bytes)) await this.#drained();
    }
  }

  /**
   * Writes the same bytes repeatedly, until none are accepted for a while or the count is reached. Returns whether
   * the flood was stopped.
   */
  async pourUntilStalled(bytes: Uint8Array, times: number): Promise<boolean> {
    for (let time = 0; time < times; time++) {
      if (this.#socket.destroyed) throw new Error("The connection is over.");
      if (this.#socket.write(bytes)) continue;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const stalled = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(true), 300)));
      const flows = this.#drained().then(() => false);
      const answer = await Promise.race([stalled, flows]);
      clearTimeout(timer);
      if (answer) return true;
    }
    return false;
  }

  async #drained(): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed) return;
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        socket.off("drain", settle);
        socket.off("close", settle);
        socket.off("end", settle);
        resolve();
      };
      socket.on("drain", settle);
      socket.on("close", settle);
      // A connection that is told to end need not send everything.
      socket.on("end", settle);
    });
  }

  async destroy(): Promise<void> {
    await this.peer.destroy();
  }
}

/** How many arrays of bytes are made, and of how many bytes, by our own code, while `use` goes on. */
export async function arraysMade(use: () => Promise<void>): Promise<{ count: number; largest: number }> {
  const made = { count: 0, largest: 0 };
  const Original = globalThis.Uint8Array;
  globalThis.Uint8Array = new Proxy(Original, {
    construct(target, parameters, newTarget) {
      const array: Uint8Array = Reflect.construct(target, parameters, newTarget);
      if (typeof parameters[0] === "number") {
        made.count++;
        made.largest = Math.max(made.largest, array.length);
      }
      return array;
    },
  });
  try {
    await use();
  } finally {
    globalThis.Uint8Array = Original;
  }
  return made;
}
