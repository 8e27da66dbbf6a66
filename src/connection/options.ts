/**
 * The limits and deadlines of one connection, and their defaults.
 *
 * @module
 */
import {
  type CompressionOptions,
  type CompressionSettings,
  compressionSettings,
} from "../compression/options.ts";
import { atLeast } from "../options/at_least.ts";
import { type Heartbeat, livenessPeriod } from "./liveness.ts";

/** Options of each connection; servers and clients accept them among their own options. */
export interface ConnectionOptions {
  /**
   * Largest received message in bytes, all fragments together. A larger one closes the connection with 1009. The default is about that of Python's websockets, daphne and engine.io.
   *
   * @default 1048576
   */
  maxMessageSize?: number;
  /**
   * Most fragments in one received message. More close the connection with 1008. Fragments are collected in one growing
   * buffer, so that their number costs no memory.
   *
   * @default 131072
   */
  maxFragments?: number;
  /**
   * Ping and Pong frames that a peer may send within a second. More close the connection with 1008. Each costs little, and a
   * peer that does not read gets one pong for many pings; but nobody needs that many.
   *
   * @default 1000
   */
  maxControlFrames?: number;
  /**
   * Milliseconds after our Close frame within which the peer must answer it and end the TCP connection; then the
   * connection is dropped. The time starts anew while data sent before still goes out to a slow peer.
   *
   * @default 5000
   */
  closeTimeout?: number;
  /**
   * A ping is sent every `interval` milliseconds, and its pong must arrive within `timeout`, or the connection is
   * dropped with 1006. A half-open connection is detected within the sum of both plus a quarter. Neither what this side sends nor what a peer sends that no longer reads extends the deadline. The deadline is extended while a long frame
   * is arriving, while this side does not read, and while data sent before the ping still goes out to a slow peer. No
   * ping is sent within a compressed streamed message. `false`: no pings.
   *
   * @default { interval: 20000, timeout: 20000 }
   */
  heartbeat?: false | { interval?: number; timeout?: number };
  /**
   * Closes the connection with 1000 after this many milliseconds without a message in either direction; 0: never.
   * Pings do not count.
   *
   * @default 0
   */
  idleTimeout?: number;
  /**
   * Received messages that may wait for the application, by number and bytes. Beyond either the socket is not read
   * until some are taken (backpressure).
   *
   * @default { messages: 16, bytes: 1048576 }
   */
  receiveQueue?: { messages?: number; bytes?: number };
  /**
   * `send()` returns `false` while more than this many bytes wait for the operating system.
   *
   * @default 1048576
   */
  sendHighWaterMark?: number;
  /**
   * Most bytes that may wait for the operating system, for one slow peer. A `send()` beyond it throws, and the connection is closed with 1013.
   *
   * @default 16777216
   */
  maxBufferedAmount?: number;
  /**
   * permessage-deflate (RFC 7692), if the peer supports it. `true`: the `"shared"` mode with its defaults.
   *
   * @default false
   */
  compression?: boolean | CompressionOptions;
}

/** The options with all defaults filled in. */
export interface ConnectionSettings {
  readonly maxMessageSize: number;
  readonly maxFragments: number;
  readonly maxControlFrames: number;
  readonly closeTimeout: number;
  readonly heartbeat: Heartbeat | undefined;
  readonly idleTimeout: number;
  readonly livenessPeriod: number;
  readonly receiveQueue: { readonly messages: number; readonly bytes: number };
  readonly sendHighWaterMark: number;
  readonly maxBufferedAmount: number;
  readonly compression: CompressionSettings | undefined;
}

/** Fills in the defaults. Throws a `RangeError` for a value that is not a number or out of range. */
export function connectionSettings(options: ConnectionOptions): ConnectionSettings {
  const heartbeat = options.heartbeat === false ? undefined : {
    interval: atLeast(options.heartbeat ?? {}, "interval", 1, 20_000),
    timeout: atLeast(options.heartbeat ?? {}, "timeout", 1, 20_000),
  };
  const idleTimeout = atLeast(options, "idleTimeout", 0, 0);
  return {
    maxMessageSize: atLeast(options, "maxMessageSize", 1, 1024 * 1024),
    maxFragments: atLeast(options, "maxFragments", 1, 131072),
    maxControlFrames: atLeast(options, "maxControlFrames", 1, 1000),
    closeTimeout: atLeast(options, "closeTimeout", 0, 5000),
    heartbeat,
    idleTimeout,
    livenessPeriod: livenessPeriod(heartbeat, idleTimeout),
    receiveQueue: {
      messages: atLeast(options.receiveQueue ?? {}, "messages", 1, 16),
      bytes: atLeast(options.receiveQueue ?? {}, "bytes", 1, 1024 * 1024),
    },
    sendHighWaterMark: atLeast(options, "sendHighWaterMark", 0, 1024 * 1024),
    maxBufferedAmount: atLeast(options, "maxBufferedAmount", 1, 16 * 1024 * 1024),
    compression: compressionSettings(options.compression),
  };
}
