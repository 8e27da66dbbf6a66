/**
 * What becomes known of a limit that was reached: a counter, an event for the application's hook, and the same on the
 * diagnostics channel `woshou:limit`.
 *
 * @module
 */
import { channel } from "node:diagnostics_channel";
import type { Connection } from "./connection.ts";
import type { RefusalCode } from "../handshake/refusal.ts";
import type { ConnectionLimit } from "../protocol/errors.ts";

/** A limit, by the option that sets it; `docs/LIMITS.md` has all of them. */
export type LimitName =
  | "maxConnections"
  | "maxConnectionsPerAddress"
  | "maxHeadSize"
  | "maxHeaders"
  | "handshakeTimeout"
  | "compression.memoryBudget"
  | ConnectionLimit;

/** Every limit that is counted. */
export const LIMIT_NAMES: readonly LimitName[] = [
  "maxConnections",
  "maxConnectionsPerAddress",
  "maxHeadSize",
  "maxHeaders",
  "handshakeTimeout",
  "compression.memoryBudget",
  "maxMessageSize",
  "maxFragments",
  "maxControlFrames",
  "receiveQueue",
  "maxBufferedAmount",
  "heartbeat",
  "idleTimeout",
  "closeTimeout",
];

const REFUSALS: Partial<Record<RefusalCode, LimitName>> = {
  "start-line-too-long": "maxHeadSize",
  "headers-too-large": "maxHeadSize",
  "headers-too-many": "maxHeaders",
  "handshake-timeout": "handshakeTimeout",
  "server-busy": "handshakeTimeout",
  "connections-exhausted": "maxConnections",
  "address-exhausted": "maxConnectionsPerAddress",
};

/** The limit for which a server refuses with this code, if it is for one. */
export function limitOf(code: RefusalCode): LimitName | undefined {
  return REFUSALS[code];
}

/** A limit was reached, and what was done about it. */
export interface LimitEvent<Data> {
  /** Tells it from other events. */
  readonly kind: "limit";
  /** The option that sets the limit. */
  readonly limit: LimitName;
  /** The peer's IP address; `""` where there is none. */
  readonly remoteAddress: string;
  /** The connection; `undefined` while there is none yet. */
  readonly socket: Connection<Data> | undefined;
  /** What was reached, in a sentence. */
  readonly message: string;
}

/** How often each limit was reached. */
export type LimitCounts = Readonly<Record<LimitName, number>>;

const diagnostics: {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
} = /* @__PURE__ */ channel("woshou:limit");

/** Tells the diagnostics channel alone: of connections that no server has. */
export function publishLimit<Data>(event: () => LimitEvent<Data>): void {
  if (diagnostics.hasSubscribers) diagnostics.publish(event());
}

/** What a server knows of its limits. */
export class LimitLedger<Data> {
  readonly #options: { limit?(event: LimitEvent<Data>): void };
  readonly #counts: Record<LimitName, number> = Object.fromEntries(
    LIMIT_NAMES.map((name) => [name, 0]),
  ) as Record<LimitName, number>;

  /** Nothing has been reached yet. Events go to the `limit` hook. */
  constructor(options: { limit?(event: LimitEvent<Data>): void }) {
    this.#options = options;
  }

  /** How often each limit was reached so far, as an object of the caller's own. */
  get counts(): LimitCounts {
    return { ...this.#counts };
  }

  /**
   * A limit was reached. The hook is called later, so that it does not act in the midst of what is going on; not for
   * `receiveQueue`, which only makes a peer wait, and may do so many times a second.
   */
  reached(
    limit: LimitName,
    remoteAddress: string,
    socket: Connection<Data> | undefined,
    message: () => string,
  ): void {
    this.#counts[limit]++;
    const hooked = this.#options.limit !== undefined && limit !== "receiveQueue";
    if (!hooked && !diagnostics.hasSubscribers) return;
    const event: LimitEvent<Data> = { kind: "limit", limit, remoteAddress, socket, message: message() };
    publishLimit(() => event);
    if (hooked) queueMicrotask(() => this.#options.limit!(event));
  }
}
