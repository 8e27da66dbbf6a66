/**
 * The topics of one server: who is subscribed, and publishing with one encoding for all.
 *
 * @module
 */
import type { Connection } from "../connection/connection.ts";
import type { Sendable } from "../connection/message.ts";
import type {
  ConnectionTopics,
  SubscribeOptions,
  SubscriberOwner,
  Subscriptions,
} from "../connection/subscriptions.ts";
import { atLeast } from "../options/at_least.ts";
import type { ConnectionSettings } from "../connection/options.ts";
import { guarded, reportError } from "../support/error_hook.ts";
import { bytesOf } from "../connection/outgoing_stream.ts";
import { PublishedMessage } from "./published_message.ts";
import type { RelayedMessage, RelayLink } from "./relay.ts";
import { Subscriber } from "./subscriber.ts";
import type { SubscribersTopics, Subscription } from "./subscription.ts";
import {
  checkTopic,
  type Publication,
  type Publisher,
  type PublishOptions,
  type SlowSubscriberEvent,
  subscribeOptions,
  type TopicOptions,
} from "./options.ts";

const RELAYED: Promise<void> = /* @__PURE__ */ Promise.resolve();

/** The topics of one server, and their subscribers. */
export class Topics<Data = unknown> implements Publisher, ConnectionTopics, SubscribersTopics {
  /** Most topics of one connection. */
  readonly maxTopics: number;
  /** Default options of `subscribe()`. */
  readonly defaults: Required<SubscribeOptions>;
  readonly #subscriptions: Map<string, Set<Subscription>> = new Map();
  readonly #maxMessageSize: number;
  readonly #options: TopicOptions<Data> & { error?(error: unknown): void };
  readonly #link: RelayLink | undefined;
  #dropped = 0;

  /** Starts without subscribers. Throws a `RangeError` for an option out of range. */
  constructor(options: TopicOptions<Data> & { error?(error: unknown): void }, settings: ConnectionSettings) {
    this.maxTopics = atLeast(options, "maxTopics", 0, 1000);
    this.defaults = subscribeOptions(options.subscriptions ?? {}, { whenSlow: "keep", maxWaiting: 100 });
    this.#maxMessageSize = settings.maxBufferedAmount;
    this.#options = options;
    this.#link = options.relay?.((message) => {
      checkTopic(message.topic);
      return this.#deliver(message, undefined);
    });
  }

  /** See {@linkcode Publisher.dropped}. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The number of topics with subscribers. */
  get size(): number {
    return this.#subscriptions.size;
  }

  /** See {@linkcode Publisher.subscriberCount}. */
  subscriberCount(topic: string): number {
    return this.#subscriptions.get(topic)?.size ?? 0;
  }

  /** See {@linkcode Publisher.publish}. */
  publish(topic: string, data: Sendable, { except, key, compress }: PublishOptions = {}): Publication {
    checkTopic(topic);
    const message = { topic, data: typeof data === "string" ? data : bytesOf(data), key, compress };
    const receivers = this.#deliver(message, except);
    return { receivers, relayed: this.#link === undefined ? RELAYED : relay(this.#link, message) };
  }

  /** See {@linkcode ConnectionTopics.subscriber}. */
  subscriber(owner: SubscriberOwner): Subscriptions {
    return new Subscriber(this, owner);
  }

  /** A connection has subscribed. */
  add(subscription: Subscription): void {
    const { topic } = subscription;
    const subscriptions = this.#subscriptions.get(topic);
    if (subscriptions !== undefined) {
      subscriptions.add(subscription);
      return;
    }
    this.#subscriptions.set(topic, new Set([subscription]));
    this.#call(() => this.#link?.subscribed(topic));
  }

  /** A connection has unsubscribed, or ended. */
  remove(subscription: Subscription): void {
    const { topic } = subscription;
    const subscriptions = this.#subscriptions.get(topic)!;
    subscriptions.delete(subscription);
    if (subscriptions.size > 0) return;
    this.#subscriptions.delete(topic);
    this.#call(() => this.#link?.unsubscribed(topic));
  }

  /** A connection has lost messages. */
  lost(count: number): void {
    this.#dropped += count;
  }

  /** A subscriber was too slow. The hook is called later, so that it cannot publish in the middle of publishing. */
  report(event: Parameters<SubscribersTopics["report"]>[0]): void {
    if (this.#options.limit === undefined) return;
    queueMicrotask(() => this.#call(() => this.#options.limit!(event as SlowSubscriberEvent<Data>)));
  }

  #deliver({ topic, data, key, compress }: RelayedMessage, except: Connection<unknown> | undefined): number {
    this.#checkSize(data.length);
    const subscriptions = this.#subscriptions.get(topic);
    if (subscriptions === undefined) return 0;
    const published = new PublishedMessage(data, compress);
    this.#checkSize(published.plain.frame.length);
    let receivers = 0;
    for (const subscription of subscriptions) {
      const { subscriber } = subscription;
      if (subscriber.socket !== except && subscriber.deliver(subscription, published, key)) receivers++;
    }
    return receivers;
  }

  #checkSize(size: number): void {
    if (size <= this.#maxMessageSize) return;
    throw new RangeError(
      `Cannot publish ${size} bytes in one message: they are more than maxBufferedAmount.`,
    );
  }

  #call(call: () => unknown): void {
    guarded(call, (error) => reportError(this.#options.error, error));
  }
}

function relay(link: RelayLink, message: RelayedMessage): Promise<void> {
  const relayed = new Promise<void>((resolve) => resolve(link.publish(message)));
  // A publisher that ignores it must not cause an unhandled rejection.
  relayed.catch(() => {});
  return relayed;
}
