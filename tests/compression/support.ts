/** What the tests of compression share: the wire as a stranger reads it, and a server's room with many connections. */
import assert from "node:assert/strict";
import type { Connection } from "../../mod.ts";
import { startConnection } from "../../src/connection/connection.ts";
import { type ConnectionOptions, connectionSettings } from "../../src/connection/options.ts";
import type { PermessageDeflate } from "../../src/permessage_deflate/permessage_deflate.ts";
import type { Flow } from "../../src/testing/mod.ts";
import type { TopicOptions } from "../../src/topics/options.ts";
import { Topics } from "../../src/topics/topics.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { end, type EndOptions, type Side } from "../permessage_deflate/support.ts";
import { StrictInflater } from "../permessage_deflate/strict_inflater.ts";
import { bytesOf, type Frame, parseFrames } from "../protocol/frames.ts";

export const SHARED = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
export const TAKEOVER = "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12";

/** A message as it went over the wire. */
export interface Carried {
  readonly data: string | Uint8Array;
  readonly compressed: boolean;
  /** Bytes of payload, of all its frames. */
  readonly size: number;
}

/** What a stranger makes of the frames of one side, who takes nothing but what these extensions allow. */
export function carried(frames: readonly Frame[], extensions: string, from: Side): Carried[] {
  const bits = Number(new RegExp(`${from}_max_window_bits=(\\d+)`).exec(extensions)?.[1] ?? 15);
  const strict = new StrictInflater(bits, !extensions.includes(`${from}_no_context_takeover`));
  const messages: Carried[] = [];
  let payload: Uint8Array = new Uint8Array(0);
  let first: Frame | undefined;
  for (const frame of frames) {
    if (frame.opcode > 2) continue;
    payload = frame.opcode > 0 ? frame.payload : bytesOf(payload, frame.payload);
    if (frame.opcode > 0) first = frame;
    if (!frame.fin) continue;
    const { compressed, opcode } = first!;
    const bytes = compressed ? strict.message(payload) : payload;
    const data = opcode === 1 ? new TextDecoder("utf-8", { fatal: true }).decode(bytes) : bytes;
    messages.push({ data, compressed, size: payload.length });
  }
  return messages;
}

/** The frames that one side has sent, behind the opening handshake if there was one. */
export function framesOf({ recorded }: Flow, from: Side): Frame[] {
  let start = 0;
  if (recorded[0] === 0x47 || recorded[0] === 0x48) {
    while (String.fromCharCode(...recorded.subarray(start, start + 4)) !== "\r\n\r\n") start++;
    start += 4;
  }
  return parseFrames(recorded.subarray(start), from === "client", true);
}

/** All that waits in memory is carried. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** The other end of a connection, which reads when the test says so. */
export class Listener {
  readonly #options: EndOptions | undefined;
  readonly #transport: Transport;
  #received: Uint8Array = new Uint8Array(0);

  constructor(transport: Transport, options: EndOptions | undefined) {
    this.#transport = transport;
    this.#options = options;
    transport.attach({
      data: (chunk) => void (this.#received = bytesOf(this.#received, chunk)),
      drain: () => {},
      end: () => transport.closeWrite(),
      close: () => {},
    });
  }

  /** What has come, checked by what was agreed upon. */
  get carried(): Carried[] {
    const { bits = 15, takeover = true } = this.#options ?? {};
    const extensions = `server_max_window_bits=${bits}${takeover ? "" : "; server_no_context_takeover"}`;
    return carried(this.frames, extensions, "server");
  }

  /** The frames that have come. */
  get frames(): Frame[] {
    return parseFrames(this.#received, false, this.#options !== undefined);
  }

  pause(): void {
    this.#transport.pause();
  }

  async resume(): Promise<void> {
    this.#transport.resume();
    await turn();
  }
}

/** A member of a room. */
export interface Member {
  readonly socket: Connection<unknown>;
  readonly listener: Listener;
}

/** Topics, and a server's connections that have agreed upon compression of any kind, or upon none. */
export class Room {
  readonly topics: Topics;
  readonly #settings: ReturnType<typeof connectionSettings>;
  readonly #sockets: Connection<unknown>[] = [];

  constructor(options: ConnectionOptions & TopicOptions<unknown> = {}) {
    this.#settings = connectionSettings({ heartbeat: false, ...options });
    this.topics = new Topics(options, this.#settings);
  }

  /** A connection; without options it has no compression. */
  join(options?: EndOptions): Member {
    const [transport, far] = memoryPair({ highWaterMark: this.#settings.sendHighWaterMark });
    const compression: PermessageDeflate | undefined = options && end(options);
    const socket = startConnection<unknown>(
      {
        home: {
          role: "server",
          settings: this.#settings,
          topics: this.topics,
          handlerFailed: (error) => assert.fail(String(error)),
        },
        transport,
        protocol: "",
        extensions: "",
        compression,
        data: undefined,
        request: undefined,
      },
      undefined,
      new Uint8Array(0),
    );
    socket.subscribe("all");
    this.#sockets.push(socket);
    return { socket, listener: new Listener(far, options) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.abort();
    await Promise.all(this.#sockets.map((socket) => socket.closed));
  }
}
