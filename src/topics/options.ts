/**
 * Options and events of topics.
 *
 * @module
 */
import type { Connection } from "../connection/connection.ts";
import type { Sendable } from "../connection/message.ts";
import type { SubscribeOptions, WhenSlow } from "../connection/subscriptions.ts";
import type { TopicRelay } from "./relay.ts";

/** Options of publishing. */
export interface PublishOptions {
  /** A subscriber to leave out, such as the sender of a message that is passed on. */
  except?: Connection<unknown>;
  /**
   * The key whose newest value this message is, for subscribers with `whenSlow: "latest"`. Messages without a key
   * replace one another.
   */
  key?: string;
  /**
   * Whether to compress the message for connections with permessage-deflate, once for all with the same window.
   * `true`: whatever its size; `false`: not at all.
   *
   * @default decided by their `compression.threshold`
   */
  compress?: boolean;
}

/** The result of publishing a message. */
export interface Publication {
  /**
   * Subscribers of this server that the message was given to, or for whom it waits. Only they can know whether it
   * arrives.
   */
  readonly receivers: number;
  /**
   * Resolves when the relay has taken the message, at once without a relay; rejects with the relay's error. You may
   * ignore it.
   */
  readonly relayed: Promise<void>;
}

/** Publishes to topics: a server, or an acceptor. */
export interface Publisher {
  /**
   * Sends a message to every subscriber of a topic. Never waits: a slow subscriber is treated according to its
   * `whenSlow`. Each subscriber gets messages in the order of publishing. Bytes are copied.
   *
   * Throws a `TypeError` for data that cannot be sent and a topic that is not a string; a `RangeError` for a topic
   * that {@linkcode Connection.subscribe} refuses and a message of more than `maxBufferedAmount` bytes.
   */
  publish(topic: string, data: Sendable, options?: PublishOptions): Publication;
  /** How many connections of this server are subscribed to the topic. */
  subscriberCount(topic: string): number;
  /** Published messages lost by all subscribers together; see {@linkcode Connection.dropped}. */
  readonly dropped: number;
}

/** A subscriber was too slow and lost messages. */
export interface SlowSubscriberEvent<Data> {
  /** Distinguishes it from events of other limits. */
  readonly kind: "slow-subscriber";
  /** The subscriber's connection. */
  readonly socket: Connection<Data>;
  /** The topic whose message had no room. */
  readonly topic: string;
  /** The subscription's policy. */
  readonly whenSlow: WhenSlow;
  /** Whether the connection is being closed with 1013. */
  readonly closed: boolean;
  /** Published messages that the connection has lost so far. */
  readonly dropped: number;
}

/** Topic options of a server. */
export interface TopicOptions<Data> {
  /**
   * Most topics of one connection, so that a peer that chooses their names cannot fill the memory: with the longest
   * names it is about a megabyte.
   *
   * @default 1000
   */
  maxTopics?: number;
  /** Default options of `subscribe()`. */
  subscriptions?: SubscribeOptions;
  /**
   * A slow subscriber starts to lose messages, or is closed. Called once each time that it falls behind; the losses
   * are counted in `dropped`.
   */
  limit?(event: SlowSubscriberEvent<Data>): void;
  /** Joins the topics of several processes. This is where a message broker is plugged in; it may still change. */
  relay?: TopicRelay;
}

/** Longest topic name in characters. */
export const MAX_TOPIC_LENGTH = 256;

/**
 * Throws a `TypeError` for anything but a string, and a `RangeError` for a name that a broker's protocol could not
 * carry.
 */
export function checkTopic(topic: string): void {
  if (typeof topic !== "string") throw new TypeError("Cannot use this as a topic: give a string.");
  if (topic === "" || topic.length > MAX_TOPIC_LENGTH) {
    throw new RangeError(
      `Cannot use a topic of ${topic.length} characters: give a name of 1 to ${MAX_TOPIC_LENGTH}.`,
    );
  }
  // Cc: C0, DEL and C1. Cs: a lone surrogate, which UTF-8 cannot encode.
  if (/[\p{Cc}\p{Cs}]/u.test(topic)) {
    throw new RangeError(
      `Cannot use the topic ${JSON.stringify(topic)}: leave out control characters and lone surrogates.`,
    );
  }
}

const POLICIES: readonly string[] = ["keep", "drop-oldest", "latest", "close"] satisfies WhenSlow[];

/** The options with all defaults filled in. Throws a `RangeError` for an invalid value. */
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
