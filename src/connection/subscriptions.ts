/**
 * What a connection needs of topics: how it subscribes, and what is asked of whoever keeps its subscriptions.
 *
 * @module
 */
import type { Protocol } from "../protocol/protocol.ts";
import type { FramesToSend } from "./frames_to_send.ts";
import type { Liveness } from "./liveness.ts";
import type { ConnectionSettings } from "./options.ts";

/**
 * What becomes of published messages for a subscriber that is behind: for whom more than `sendHighWaterMark` bytes
 * wait, or a streamed message is on its way.
 *
 * - `"keep"`: they wait. When `maxBufferedAmount` is passed, the connection is closed with 1013.
 * - `"drop-oldest"`: the last `maxWaiting` of the topic wait, the older ones are dropped. They are also dropped to make
 *   room below `maxBufferedAmount` for anything else.
 * - `"latest"`: for each `key` the last one waits, so that in the end the subscriber has the state of every key. When
 *   these pass `maxBufferedAmount`, the connection is closed with 1013.
 * - `"close"`: the connection is closed with 1013 as soon as more than `sendHighWaterMark` bytes wait.
 */
export type WhenSlow = "keep" | "drop-oldest" | "latest" | "close";

/** How a connection subscribes to a topic. */
export interface SubscribeOptions {
  /**
   * What becomes of messages while this connection is behind.
   *
   * @default "keep"
   */
  whenSlow?: WhenSlow;
  /**
   * Messages of this topic that wait at most, with `"drop-oldest"`.
   *
   * @default 100
   */
  maxWaiting?: number;
}

/** Where connections may subscribe. */
export interface ConnectionTopics {
  /** Begins to keep a connection's subscriptions, of which there are none yet. */
  subscriber(owner: SubscriberOwner): Subscriptions;
}

/** One connection's subscriptions, and the published messages that wait while it is behind. */
export interface Subscriptions {
  /** The topics, as a set of the caller's own. */
  readonly topics: Set<string>;
  /** Bytes that wait here, with what it takes to keep them. */
  readonly bufferedAmount: number;
  /** Published messages that were lost. */
  readonly dropped: number;
  /** See {@linkcode Connection.subscribe}. */
  subscribe(topic: string, options: SubscribeOptions): void;
  /** See {@linkcode Connection.unsubscribe}. */
  unsubscribe(topic: string): void;
  /** The connection may be ready again: what waits goes out, as far as it can. */
  drained(): void;
  /** Drops what may be dropped until there is room for so many bytes. Answers whether there is. */
  makeRoom(size: number): boolean;
  /** The connection is closing: it leaves its topics. What waits still goes out. */
  leave(): void;
  /** Nothing can follow any more: what waits goes out now, or is lost. */
  end(mayBeSent: boolean): void;
}

/** The connection, as its subscriber works with it. */
export interface SubscriberOwner {
  /** What the application holds. */
  readonly socket: unknown;
  /** Whether it may subscribe and be sent to. */
  readonly open: boolean;
  /** All bytes that wait, those here among them. */
  readonly bufferedAmount: number;
  /** Its protocol. */
  readonly protocol: Protocol;
  /** Its framesToSend. */
  readonly framesToSend: FramesToSend;
  /** Told of messages. */
  readonly liveness: Liveness;
  /** Its limits. */
  readonly settings: ConnectionSettings;
  /** Whether a streamed message is on its way: no other may be mixed with its fragments. */
  streaming(): boolean;
}
