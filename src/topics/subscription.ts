/**
 * A subscription, and the interfaces between topics and their subscribers.
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
  /** With `"latest"` the key; otherwise a unique number. */
  readonly id: string | number | undefined;
  /** Whether it may be dropped to make room. */
  readonly droppable: boolean;
}

/** One connection's subscription to one topic. */
export interface Subscription {
  /** The subscriber. */
  readonly subscriber: Receiver;
  /** The topic. */
  readonly topic: string;
  /** See {@linkcode SubscribeOptions.whenSlow}. */
  whenSlow: WhenSlow;
  /** See {@linkcode SubscribeOptions.maxWaiting}. */
  maxWaiting: number;
  /** Waiting messages that later ones may replace, oldest first. */
  waiting: Map<Waiting["id"], Waiting> | undefined;
}

/** A subscriber, as topics see it. */
export interface Receiver {
  /** The connection that the application holds. */
  readonly socket: unknown;
  /** A message was published. Returns whether it was sent, or waits. */
  deliver(subscription: Subscription, published: PublishedMessage, key: string | undefined): boolean;
}

/** Topics, as a subscriber sees them. */
export interface SubscribersTopics {
  /** Most topics of one connection. */
  readonly maxTopics: number;
  /** Default options of `subscribe()`. */
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
