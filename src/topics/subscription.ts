/**
 * A subscription: what stands between a topic and its subscriber, and what each of the two asks of the other.
 *
 * @module
 */
import type { SubscribeOptions, WhenSlow } from "../connection/subscriptions.ts";
import type { EncodedMessage } from "../protocol/encoded_message.ts";
import type { SlowSubscriberEvent } from "./options.ts";
import type { PublishedMessage } from "./published_message.ts";

/** A published message that waits. */
export interface Waiting {
  readonly subscription: Subscription;
  readonly message: EncodedMessage;
  /** The key, with `"latest"`; else a number of its own. */
  readonly id: string | number | undefined;
  /** Whether it may be dropped to make room. */
  readonly droppable: boolean;
}

/** One connection's subscription to one topic. */
export interface Subscription {
  /** Who. */
  readonly subscriber: Receiver;
  /** To what. */
  readonly topic: string;
  /** See {@linkcode SubscribeOptions.whenSlow}. */
  whenSlow: WhenSlow;
  /** See {@linkcode SubscribeOptions.maxWaiting}. */
  maxWaiting: number;
  /** Messages that wait and that later ones may replace, the oldest first. */
  waiting: Map<Waiting["id"], Waiting> | undefined;
}

/** A subscriber, as topics know it. */
export interface Receiver {
  /** The connection, as the application holds it. */
  readonly socket: unknown;
  /** A message was published, which many share. Answers whether it has gone out, or waits. */
  deliver(subscription: Subscription, published: PublishedMessage, key: string | undefined): boolean;
}

/** Topics, as a subscriber knows them. */
export interface SubscribersTopics {
  /** Topics that one connection may be subscribed to. */
  readonly maxTopics: number;
  /** What `subscribe()` does where its own options say nothing. */
  readonly defaults: Required<SubscribeOptions>;
  /** A connection has subscribed. */
  add(subscription: Subscription): void;
  /** A connection has unsubscribed, or ended. */
  remove(subscription: Subscription): void;
  /** A connection has lost messages. */
  lost(count: number): void;
  /** A subscriber was too slow. */
  report(event: Omit<SlowSubscriberEvent<unknown>, "socket"> & { readonly socket: unknown }): void;
}
