/**
 * What is said to topics, and what they say: the options of subscribing and publishing, and the events.
 *
 * @module
 */
import type { Connection } from "../connection/connection.ts";
import type { Sendable } from "../connection/message.ts";
import type { SubscribeOptions, WhenSlow } from "../connection/subscriptions.ts";
import type { TopicRelay } from "./relay.ts";

/** How a message is published. */
export interface PublishOptions {
  /** A subscriber that is left out: who sent what is being passed on. */
  except?: Connection<unknown>;
  /**
   * What the message is the newest state of, for subscribers with `whenSlow: "latest"`. Messages without a key replace
   * one another.
   */
  key?: string;
  /**
   * Whether to compress the message for those connections that use permessage-deflate: once for all that have agreed
   * upon the same window. `true` whatever its size, `false` not at all.
   *
   * @default as their `compression.threshold` says
   */
  compress?: boolean;
}

/** What became of a published message. */
export interface Publication {
  /**
   * Subscribers of this server that the message was handed to, or for whom it waits. Whether it reaches them only they
   * can say.
   */
  readonly receivers: number;
  /**
   * Resolves when the relay has taken the message, at once when there is none; rejects with the relay's error when it
   * has not. Nobody needs to look at it.
   */
  readonly relayed: Promise<void>;
}

/** Who publishes to topics: a server, or an acceptor. */
export interface Publisher {
  /**
   * Sends a message to every subscriber of a topic. Never waits: a subscriber that is behind is treated as its
   * `whenSlow` says. Messages reach each subscriber in the order of publishing. Bytes are copied.
   *
   * Throws a `TypeError` for data that cannot be sent and a topic that is no string, a `RangeError` for a topic that
   * {@linkcode Connection.subscribe} would refuse and a message of more than `maxBufferedAmount` bytes.
   */
  publish(topic: string, data: Sendable, options?: PublishOptions): Publication;
  /** How many connections of this server are subscribed to the topic. */
  subscriberCount(topic: string): number;
  /** Published messages that subscribers lost, all together; see {@linkcode Connection.dropped}. */
  readonly dropped: number;
}

/** A subscriber was too slow, and has lost messages for it. */
export interface SlowSubscriberEvent<Data> {
  /** Tells it from events of other limits. */
  readonly kind: "slow-subscriber";
  /** Whose connection. */
  readonly socket: Connection<Data>;
  /** The topic whose message found no room. */
  readonly topic: string;
  /** The subscription's policy. */
  readonly whenSlow: WhenSlow;
  /** Whether the connection is being closed with 1013. */
  readonly closed: boolean;
  /** Published messages that the connection has lost so far, in all. */
  readonly dropped: number;
}

/** What a server asks of its topics. */
export interface TopicOptions<Data> {
  /**
   * Topics that one connection may be subscribed to, lest a peer that names them fill the memory: with names of the
   * greatest length this comes to about a megabyte.
   *
   * @default 1000
   */
  maxTopics?: number;
  /** What `subscribe()` does where its own options say nothing. */
  subscriptions?: SubscribeOptions;
  /**
   * A subscriber begins to lose messages, or is closed, because it is slow. Once for each time that it falls behind;
   * the losses themselves are counted in `dropped`.
   */
  limit?(event: SlowSubscriberEvent<Data>): void;
  /** Joins the topics of several processes. The place where a broker is plugged in; it may still change. */
  relay?: TopicRelay;
}

/** Characters that a topic's name may have. */
export const MAX_TOPIC_LENGTH = 256;

/** Throws a `TypeError` for what is no string, a `RangeError` for a name that a broker's protocol could not carry. */
export function checkTopic(topic: string): void {
  if (typeof topic !== "string") throw new TypeError("Cannot use this as a topic: give a string.");
  if (topic === "" || topic.length > MAX_TOPIC_LENGTH) {
    throw new RangeError(
      `Cannot use a topic of ${topic.length} characters: give a name of 1 to ${MAX_TOPIC_LENGTH}.`,
    );
  }
  // Cc: C0, DEL and C1. Cs: a half of a surrogate pair, which UTF-8 cannot carry.
  if (/[\p{Cc}\p{Cs}]/u.test(topic)) {
    throw new RangeError(
      `Cannot use the topic ${JSON.stringify(topic)}: leave out control characters and lone surrogates.`,
    );
  }
}

const POLICIES: readonly string[] = ["keep", "drop-oldest", "latest", "close"] satisfies WhenSlow[];

/** The options with what is missing filled in. Throws a `RangeError` for a value that cannot be used. */
export function subscribeOptions(
  options: SubscribeOptions,
  defaults: Required<SubscribeOptions>,
): Required<SubscribeOptions> {
  const { whenSlow = defaults.whenSlow, maxWaiting = defaults.maxWaiting } = options;
  if (!POLICIES.includes(whenSlow)) {
    throw new RangeError(
      `Cannot use ${String(whenSlow)} for option whenSlow: give one of ${POLICIES.join(", ")}.`,
    );
  }
  if (typeof maxWaiting !== "number" || !(maxWaiting >= 1)) {
    throw new RangeError(
      `Cannot use ${String(maxWaiting)} for option maxWaiting: give a number of at least 1.`,
    );
  }
  return { whenSlow, maxWaiting };
}
