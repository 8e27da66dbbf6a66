/** Subscribers in memory, whose peers read when the test says so. */
import { type Connection, type ConnectionHandler, startConnection } from "../../src/connection/connection.ts";
import { type ConnectionOptions, connectionSettings } from "../../src/connection/options.ts";
import { Protocol } from "../../src/protocol/protocol.ts";
import type { SlowSubscriberEvent, TopicOptions } from "../../src/topics/options.ts";
import { Topics } from "../../src/topics/topics.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import type { Transport, TransportHandler } from "../../src/transport/transport.ts";

/** Three messages of 48 characters, 50 bytes as frames, go out at once; seven more fit, 114 bytes each. */
export const LIMITS: ConnectionOptions = {
  sendHighWaterMark: 100,
  maxBufferedAmount: 1000,
  heartbeat: false,
  closeTimeout: 60_000,
};

/** A message of 48 characters that ends in this. */
export function message(name: string | number): string {
  return String(name).padStart(48, ".");
}

/** Everything that waits in memory has been carried. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** What a connection's peer sees. */
export class Peer {
  readonly messages: (string | Uint8Array)[] = [];
  closeCode: number | undefined;
  readonly #transport: Transport;
  readonly #protocol: Protocol;

  constructor(transport: Transport) {
    this.#transport = transport;
    this.#protocol = new Protocol("client", {
      write: (bytes) => transport.write(bytes),
      message: (data) => void this.messages.push(data),
      ping: () => {},
      pong: () => {},
      finish: ({ code }) => {
        this.closeCode = code;
        transport.closeWrite();
      },
    }, { maxMessageSize: Infinity, maxFragments: Infinity });
    transport.attach({
      data: (chunk) => this.#protocol.receive(chunk),
      drain: () => {},
      end: () => transport.closeWrite(),
      close: () => {},
    });
  }

  /** The last word of each message. */
  get names(): string[] {
    return this.messages.map((each) => String(each).replace(/^\.+/, ""));
  }

  pause(): void {
    this.#transport.pause();
  }

  /** Reads again, and answers when all that waited has come. */
  async resume(): Promise<void> {
    this.#transport.resume();
    await settled();
  }

  close(): void {
    this.#protocol.sendClose(1000);
  }

  abort(): void {
    this.#transport.abort();
  }
}

/** A transport that keeps what it is given, and whose buffer is as full as the test says. */
export class Recorder implements Transport {
  readonly remoteAddress: string = "";
  readonly encrypted: boolean = false;
  readonly written: Uint8Array[] = [];
  bufferedAmount = 0;
  handler!: TransportHandler;

  get done(): boolean {
    return this.bufferedAmount === 0;
  }

  attach(handler: TransportHandler): void {
    this.handler = handler;
  }

  write(bytes: Uint8Array): boolean {
    // Memory that holds other frames as well is written to again.
    this.written.push(bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice());
    return this.bufferedAmount === 0;
  }

  abort(): void {
    queueMicrotask(() => this.handler.close());
  }

  closeWrite(): void {}
  pause(): void {}
  resume(): void {}
}

/** Topics, and connections that may subscribe to them. */
export class Room {
  readonly topics: Topics;
  readonly events: SlowSubscriberEvent<unknown>[] = [];
  readonly errors: unknown[] = [];
  readonly sockets: Connection<unknown>[] = [];
  readonly #options: ConnectionOptions;

  constructor(options: ConnectionOptions & TopicOptions<unknown> = {}) {
    this.#options = { ...LIMITS, ...options };
    this.topics = new Topics(
      { limit: (event) => this.events.push(event), error: (error) => this.errors.push(error), ...options },
      connectionSettings(this.#options),
    );
  }

  /** A connection and its peer. */
  join(handler?: ConnectionHandler<unknown>): { socket: Connection<unknown>; peer: Peer } {
    const settings = connectionSettings(this.#options);
    const [transport, far] = memoryPair({ highWaterMark: settings.sendHighWaterMark });
    const peer = new Peer(far);
    return { socket: this.joinOver(transport, handler), peer };
  }

  /** A connection over a transport of the test's own. */
  joinOver(transport: Transport, handler?: ConnectionHandler<unknown>): Connection<unknown> {
    const socket = startConnection<unknown>(
      {
        home: {
          role: "server",
          settings: connectionSettings(this.#options),
          topics: this.topics,
          handlerFailed: (error) => this.errors.push(error),
        },
        transport,
        protocol: "",
        extensions: "",
        data: undefined,
        request: undefined,
      },
      handler,
      new Uint8Array(0),
    );
    this.sockets.push(socket);
    return socket;
  }

  /** Drops what is left. */
  async leave(): Promise<void> {
    for (const socket of this.sockets) socket.abort();
    await Promise.all(this.sockets.map((socket) => socket.closed));
  }
}

/** A test with a room, which is left afterwards. */
export function inRoom(
  use: (room: Room) => void | Promise<void>,
  options: ConnectionOptions & TopicOptions<unknown> = {},
): () => Promise<void> {
  return async () => {
    const room = new Room(options);
    try {
      await use(room);
    } finally {
      await room.leave();
    }
  };
}

/** Publishes numbered messages, each in a turn of its own, and answers which of them the paused subscriber was to get. */
export async function publish(room: Room, topic: string, from: number, to: number): Promise<number[]> {
  const accepted: number[] = [];
  for (let i = from; i <= to; i++) {
    if (room.topics.publish(topic, message(i)).receivers === 1) accepted.push(i);
    await settled();
  }
  return accepted;
}

/** What those messages are called. */
export function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index));
}
