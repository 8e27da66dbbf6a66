/**
 * The seam between the topics of this process and those of others. A broker is to be plugged in here.
 *
 * @module
 */

/** A published message between processes. */
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
 * Makes the link of one server to others. `deliver` gives what comes from outside to the subscribers of this server,
 * and it is not published again; it answers how many there were, and throws as `publish()` does.
 *
 * In order for each subscriber to get each message once, the link must not give a server its own messages back; for the
 * order of one publisher's messages to hold, it must deliver them in the order in which it was given them.
 */
export type TopicRelay = (deliver: (message: RelayedMessage) => number) => RelayLink;

/** What a relay is told by one server. What it throws here, or rejects with, goes to the `error` hook. */
export interface RelayLink {
  /** The topic has its first subscriber here. */
  subscribed(topic: string): void;
  /** The topic has lost its last subscriber here. */
  unsubscribed(topic: string): void;
  /**
   * A message was published here; subscribers here have it already. Resolves when the broker has taken it; throws or
   * rejects when it has not, which the publisher sees in `Publication.relayed`. That nobody may look there: a link that
   * is lost is the relay's own to report.
   */
  publish(message: RelayedMessage): void | Promise<void>;
}
