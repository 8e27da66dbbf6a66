/**
 * The interface between the topics of this process and those of others, for a message broker.
 *
 * @module
 */

/** A published message on its way between processes. */
export interface RelayedMessage {
  /** The topic. */
  readonly topic: string;
  /** Text or bytes; bytes are borrowed until the call returns. */
  readonly data: string | Uint8Array;
  /** As in `PublishOptions`. */
  readonly key: string | undefined;
  /** As in `PublishOptions`. */
  readonly compress?: boolean | undefined;
}

/**
 * Makes the link between one server and others. `deliver` gives a message from outside to the subscribers of this
 * server, and does not publish it again; it returns their number, and throws as `publish()` does.
 *
 * For each subscriber to get each message once, the link must not deliver a server's own messages back to it. To keep
 * the order of one publisher's messages, it must deliver them in the order in which it received them.
 */
export type TopicRelay = (deliver: (message: RelayedMessage) => number) => RelayLink;

/** What one server tells a relay. Exceptions and rejections go to the `error` hook. */
export interface RelayLink {
  /** The topic has its first subscriber here. */
  subscribed(topic: string): void;
  /** The topic has lost its last subscriber here. */
  unsubscribed(topic: string): void;
  /**
   * A message was published here; local subscribers already have it. Resolves when the broker has taken it; throws or
   * rejects if not, which the publisher sees in `Publication.relayed`. Nobody may look there, so the relay should
   * report a lost link itself.
   */
  publish(message: RelayedMessage): void | Promise<void>;
}
