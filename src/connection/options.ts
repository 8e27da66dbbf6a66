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

/** What holds for each connection; servers and clients take these among their own options. */
export interface ConnectionOptions {
  /**
   * Bytes that one received message may have, all its fragments together; a peer that sends more is closed with 1009.
   * The default is where Python's websockets, daphne and engine.io settled.
   *
   * @default 1048576
   */
  maxMessageSize?: number;
  /**
   * Fragments that one received message may have; a peer that sends more is closed with 1008. Fragments are gathered
   * in one growing buffer, so that their number costs no memory.
   *
   * @default 131072
   */
  maxFragments?: number;
  /**
   * Ping and Pong frames that a peer may send within a second; one that sends more is closed with 1008. Each costs
   * little, and pings are answered by one pong while the peer does not read; but none is of use in such numbers.
   *
   * @default 1000
   */
  maxControlFrames?: number;
  /**
   * Milliseconds from our Close frame until the peer must have answered it and ended the TCP connection; after that
   * the connection is dropped. The time begins anew while what was sent before still goes out to a slow peer.
   *
   * @default 5000
   */
  closeTimeout?: number;
  /**
   * Pings that are sent every `interval` milliseconds, and the `timeout` in which a pong must answer; a peer that does
   * not is dropped, with 1006. Sending does not put the deadline off, so that a peer whose network vanished is noticed
   * within the sum of both, and a quarter more; nor does a peer escape that still sends but no longer reads. The
   * deadline waits while a long frame is arriving, while we do not read, and while what was sent before the ping still
   * goes out to a slow peer; no ping goes out in the midst of a streamed message that is compressed. `false` sends none.
   *
   * @default { interval: 20000, timeout: 20000 }
   */
  heartbeat?: false | { interval?: number; timeout?: number };
  /**
   * Milliseconds without a message either way after which the connection is closed with 1000; 0 for never. Pings do
   * not count.
   *
   * @default 0
   */
  idleTimeout?: number;
  /**
   * Received messages that wait for the application, in number and bytes; beyond either the socket is not read until
   * some have been taken.
   *
   * @default { messages: 16, bytes: 1048576 }
   */
  receiveQueue?: { messages?: number; bytes?: number };
  /**
   * Bytes not yet handed to the operating system at which `send()` begins to answer `false`.
   *
   * @default 1048576
   */
  sendHighWaterMark?: number;
  /**
   * Bytes not yet handed to the operating system that one slow peer may cost. A `send()` beyond that is not accepted:
   * it throws, and the connection is closed with 1013.
   *
   * @default 16777216
   */
  maxBufferedAmount?: number;
  /**
   * Permessage-deflate (RFC 7692), where the peer can do it: `true` for the `"shared"` mode with its defaults.
   *
   * @default false
   */
  compression?: boolean | CompressionOptions;
}

/** The options with every default filled in. */
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

/** Fills in the defaults. Throws a `RangeError` for a value that is no number, or out of range. */
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
