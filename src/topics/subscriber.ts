/**
 * One connection as a subscriber: its topics, and the published messages that wait while it is slow.
 *
 * @module
 */
import type { FramesToSend } from "../connection/frames_to_send.ts";
import type { Liveness } from "../connection/liveness.ts";
import type { ConnectionSettings } from "../connection/options.ts";
import type { SubscribeOptions, SubscriberOwner, Subscriptions } from "../connection/subscriptions.ts";
import type { EncodedMessage } from "../protocol/encoded_message.ts";
import { ConnectionClosedError } from "../protocol/errors.ts";
import type { Protocol } from "../protocol/protocol.ts";
import { TRY_AGAIN_LATER } from "../protocol/status_code.ts";
import { checkTopic, subscribeOptions } from "./options.ts";
import type { PublishedMessage } from "./published_message.ts";
import type { Receiver, SubscribersTopics, Subscription, Waiting } from "./subscription.ts";

// A waiting message costs more than its bytes, which it may share with other connections.
const OVERHEAD = 64;

/** One connection as a subscriber. */
export class Subscriber implements Receiver, Subscriptions {
  /** See {@linkcode Receiver.socket}. */
  readonly socket: unknown;
  readonly #owner: SubscriberOwner;
  readonly #topics: SubscribersTopics;
  readonly #protocol: Protocol;
  readonly #framesToSend: FramesToSend;
  readonly #liveness: Liveness;
  readonly #settings: ConnectionSettings;
  readonly #subscriptions: Map<string, Subscription> = new Map();
  // Both in the order of publishing; droppable messages are in both. Created when a message has to wait.
  #backlog: Set<Waiting> | undefined;
  #droppable: Set<Waiting> | undefined;
  #backlogSize = 0;
  #droppableSize = 0;
  #nextId = 0;
  #dropped = 0;
  #losing = false;

  /** Starts without topics. */
  constructor(topics: SubscribersTopics, owner: SubscriberOwner) {
    this.#owner = owner;
    this.#topics = topics;
    this.socket = owner.socket;
    this.#protocol = owner.protocol;
    this.#framesToSend = owner.framesToSend;
    this.#liveness = owner.liveness;
    this.#settings = owner.settings;
  }

  /** The topics, as a new set. */
  get topics(): Set<string> {
    return new Set(this.#subscriptions.keys());
  }

  /** Bytes that wait here, including overhead. */
  get bufferedAmount(): number {
    return this.#backlogSize;
  }

  /** Published messages that were lost. */
  get dropped(): number {
    return this.#dropped;
  }

  /** See {@linkcode Connection.subscribe}. */
  subscribe(topic: string, options: SubscribeOptions): void {
    checkTopic(topic);
    const { whenSlow, maxWaiting } = subscribeOptions(options, this.#topics.defaults);
    if (!this.#owner.open) return;
    const existing = this.#subscriptions.get(topic);
    if (existing !== undefined) {
      existing.whenSlow = whenSlow;
      existing.maxWaiting = maxWaiting;
      return;
    }
    const { maxTopics } = this.#topics;
    if (this.#subscriptions.size >= maxTopics) {
      throw new RangeError(
        `Cannot subscribe to more than ${maxTopics} topics (maxTopics): unsubscribe from one first.`,
      );
    }
    const subscription = { subscriber: this, topic, whenSlow, maxWaiting, waiting: undefined };
    this.#subscriptions.set(topic, subscription);
    this.#topics.add(subscription);
  }

  /** See {@linkcode Connection.unsubscribe}. */
  unsubscribe(topic: string): void {
    const subscription = this.#subscriptions.get(topic);
    if (subscription === undefined) return;
    this.#subscriptions.delete(topic);
    this.#topics.remove(subscription);
  }

  /** A message was published. Returns whether it was sent, or waits. */
  deliver(subscription: Subscription, published: PublishedMessage, key: string | undefined): boolean {
    // A hook that learns that this connection fails may publish before the connection has left its topics.
    if (!this.#protocol.open) return false;
    const message = published.encodedFor(this.#protocol.compression);
    if (this.#backlogSize > 0 || !this.#ready(message.frame.length)) {
      return this.#wait(subscription, message, key);
    }
    this.#send(message);
    return true;
  }

  /** The connection may be ready again: sends what it can of what waits. */
  drained(): void {
    if (this.#backlog !== undefined) {
      for (const waiting of this.#backlog) {
        if (!this.#ready(0)) return;
        this.#remove(waiting);
        this.#send(waiting.message);
      }
    }
    this.#losing = false;
  }

  /** Drops messages that may be dropped until there is room for this many bytes. Returns whether there is. */
  makeRoom(size: number): boolean {
    const room = this.#settings.maxBufferedAmount - size;
    if (this.#owner.bufferedAmount - this.#droppableSize > room) return false;
    for (const waiting of this.#droppable ?? []) {
      if (this.#owner.bufferedAmount <= room) break;
      this.#lose(waiting);
    }
    return true;
  }

  /** The connection is closing and leaves its topics. What waits still goes out. */
  leave(): void {
    for (const topic of this.#subscriptions.keys()) this.unsubscribe(topic);
  }

  /** Nothing can follow: what waits is sent now, or is lost. */
  end(mayBeSent: boolean): void {
    this.leave();
    const lost = mayBeSent ? 0 : this.#backlog?.size ?? 0;
    for (const waiting of this.#backlog ?? []) {
      this.#remove(waiting);
      if (mayBeSent) this.#send(waiting.message);
    }
    this.#count(lost);
  }

  /** Whether a frame of this size may be sent now. If not, and it fits the buffer, an event will follow. */
  #ready(size: number): boolean {
    const { sendHighWaterMark, maxBufferedAmount } = this.#settings;
    const buffered = this.#framesToSend.bufferedAmount;
    return buffered <= sendHighWaterMark && buffered + size <= maxBufferedAmount && !this.#owner.streaming();
  }

  #send(message: EncodedMessage): void {
    this.#liveness.message();
    this.#protocol.sendEncoded(message);
  }

  #wait(subscription: Subscription, message: EncodedMessage, key: string | undefined): boolean {
    const { whenSlow } = subscription;
    const waiting: Waiting = {
      subscription,
      message,
      id: whenSlow === "latest" ? key : this.#nextId++,
      droppable: whenSlow === "drop-oldest",
    };
    if (whenSlow === "latest" || whenSlow === "drop-oldest") this.#replace(subscription, waiting);
    const behind = whenSlow === "close" && this.#owner.bufferedAmount > this.#settings.sendHighWaterMark;
    if (behind || !this.makeRoom(sizeOf(waiting))) {
      this.#count(1);
      if (waiting.droppable) this.#report(subscription);
      else this.#close(subscription);
      return false;
    }
    this.#add(waiting);
    return true;
  }

  /** Drops what the message replaces. */
  #replace({ waiting, maxWaiting }: Subscription, { droppable, id }: Waiting): void {
    if (waiting === undefined) return;
    if (!droppable) {
      const older = waiting.get(id);
      if (older !== undefined) this.#lose(older);
      return;
    }
    for (const oldest of waiting.values()) {
      if (waiting.size < maxWaiting) return;
      this.#lose(oldest);
    }
  }

  #add(waiting: Waiting): void {
    const { subscription, id, droppable } = waiting;
    (this.#backlog ??= new Set()).add(waiting);
    this.#backlogSize += sizeOf(waiting);
    if (droppable) {
      (this.#droppable ??= new Set()).add(waiting);
      this.#droppableSize += sizeOf(waiting);
    }
    if (droppable || subscription.whenSlow === "latest") {
      subscription.waiting ??= new Map();
      subscription.waiting.set(id, waiting);
    }
  }

  #remove(waiting: Waiting): void {
    this.#backlog?.delete(waiting);
    this.#backlogSize -= sizeOf(waiting);
    waiting.subscription.waiting?.delete(waiting.id);
    if (this.#droppable?.delete(waiting)) this.#droppableSize -= sizeOf(waiting);
  }

  #lose(waiting: Waiting): void {
    this.#remove(waiting);
    this.#count(1);
    this.#report(waiting.subscription);
  }

  #count(lost: number): void {
    this.#dropped += lost;
    this.#topics.lost(lost);
  }

  #report({ topic, whenSlow }: Subscription, closed = false): void {
    if (this.#losing && !closed) return;
    this.#losing = true;
    this.#topics.report({
      kind: "slow-subscriber",
      socket: this.socket,
      topic,
      whenSlow,
      closed,
      dropped: this.#dropped,
    });
  }

  #close(subscription: Subscription): void {
    const limit = subscription.whenSlow === "close" ? "sendHighWaterMark" : "maxBufferedAmount";
    this.#protocol.fail(
      TRY_AGAIN_LATER,
      new ConnectionClosedError(
        `A message of the topic ${JSON.stringify(subscription.topic)} had no room: ` +
          `${this.#owner.bufferedAmount} bytes wait for a peer that does not read (${limit}, ` +
          `whenSlow: ${JSON.stringify(subscription.whenSlow)}).`,
        undefined,
        limit === "maxBufferedAmount" ? limit : undefined,
      ),
    );
    this.#report(subscription, true);
  }
}

function sizeOf(waiting: Waiting): number {
  return waiting.message.frame.length + OVERHEAD;
}
