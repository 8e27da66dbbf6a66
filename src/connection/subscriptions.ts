/**
 * The interface between a connection and the topics.
 *
 * @module
 */
import type { Protocol } from "../protocol/protocol.ts";
import type { FramesToSend } from "./frames_to_send.ts";
import type { Liveness } from "./liveness.ts";
import type { ConnectionSettings } from "./options.ts";

/**
 * What happens to published messages when a subscriber is slow: more than `sendHighWaterMark` bytes wait for it, or a
 * streamed message is being sent.
 *
 * - `"keep"`: they wait. Beyond `maxBufferedAmount` the connection is closed with 1013.
 * - `"drop-oldest"`: the latest `maxWaiting` of the topic wait, older ones are dropped. They are also dropped to make
 *   room for anything else below `maxBufferedAmount`.
 * - `"latest"`: only the latest message of each `key` waits, so that in the end the subscriber has the current value
 *   of every key. Beyond `maxBufferedAmount` the connection is closed with 1013.
 * - `"close"`: the connection is closed with 1013 as soon as more than `sendHighWaterMark` bytes wait.
 */
export type WhenSlow = "keep" | "drop-oldest" | "latest" | "close";

/** Options of a subscription. */
export interface SubscribeOptions {
  /**
   * What happens to messages while this connection is slow.
   *
   * @default "keep"
   */
  whenSlow?: WhenSlow;
  /**
   * With `"drop-oldest"`: how many messages of this topic may wait.
   *
   * @default 100
   */
  maxWaiting?: number;
}

/** The topics of a server, as a connection uses them. */
export interface ConnectionTopics {
  /** Creates the (empty) subscriptions of a connection. */
  subscriber(owner: SubscriberOwner): Subscriptions;
}

/** One connection's subscriptions, and the published messages that wait while it is slow. */
export interface Subscriptions {
  /** The topics, as a new set. */
  readonly topics: Set<string>;
  /** Bytes that wait here, including overhead. */
  readonly bufferedAmount: number;
  /** Published messages that were lost. */
  readonly dropped: number;
  /** See {@linkcode Connection.subscribe}. */
  subscribe(topic: string, options: SubscribeOptions): void;
  /** See {@linkcode Connection.unsubscribe}. */
  unsubscribe(topic: string): void;
  /** The connection may be ready again: sends what it can of what waits. */
  drained(): void;
  /** Drops messages that may be dropped until there is room for this many bytes. Returns whether there is. */
  makeRoom(size: number): boolean;
  /** The connection is closing and leaves its topics. What waits still goes out. */
  leave(): void;
  /** Nothing can follow: what waits is sent now, or is lost. */
  end(mayBeSent: boolean): void;
}

/** What subscriptions need of their connection. */
export interface SubscriberOwner {
  /** The object that the application holds. */
  readonly socket: unknown;
  /** Whether it may subscribe and be sent messages. */
  readonly open: boolean;
  /** All bytes that wait for the connection, including those here. */
  readonly bufferedAmount: number;
  /** Its protocol. */
  readonly protocol: Protocol;
  /** The frames to send. */
  readonly framesToSend: FramesToSend;
  /** Notified of each message. */
  readonly liveness: Liveness;
  /** Its limits. */
  readonly settings: ConnectionSettings;
  /** Whether a streamed message is being sent, with whose fragments no other message may be mixed. */
  streaming(): boolean;
}
