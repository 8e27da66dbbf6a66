/**
 * What a server reports when a limit is reached: a counter, an event for the application's hook, and the same event
 * on the diagnostics channel `woshou:limit`.
 *
 * @module
 */
import { channel } from "node:diagnostics_channel";
import type { Connection } from "./connection.ts";
import type { RefusalCode } from "../handshake/refusal.ts";
import type { ConnectionLimit } from "../protocol/errors.ts";

/** A limit, named after the option that sets it; see `docs/LIMITS.md`. */
export type LimitName =
  | "maxConnections"
  | "maxConnectionsPerAddress"
  | "maxHeadSize"
  | "maxHeaders"
  | "handshakeTimeout"
  | "compression.memoryBudget"
  | ConnectionLimit;

/** Every counted limit. */
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

/** The limit behind a refusal code, if there is one. */
export function limitOf(code: RefusalCode): LimitName | undefined {
  return REFUSALS[code];
}

/** A limit was reached, and how the server reacted. */
export interface LimitEvent<Data> {
  /** Distinguishes it from other events. */
  readonly kind: "limit";
  /** The option that sets the limit. */
  readonly limit: LimitName;
  /** The peer's IP address; `""` if there is none. */
  readonly remoteAddress: string;
  /** The connection; `undefined` before there is one. */
  readonly socket: Connection<Data> | undefined;
  /** What happened, in a sentence. */
  readonly message: string;
}

/** How often each limit was reached. */
export type LimitCounts = Readonly<Record<LimitName, number>>;

const diagnostics: {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
} = /* @__PURE__ */ channel("woshou:limit");

/** Publishes to the diagnostics channel only: for connections without a server. */
export function publishLimit<Data>(event: () => LimitEvent<Data>): void {
  if (diagnostics.hasSubscribers) diagnostics.publish(event());
}

/** Counts and reports the limits of one server. */
export class LimitLedger<Data> {
  readonly #options: { limit?(event: LimitEvent<Data>): void };
  readonly #counts: Record<LimitName, number> = Object.fromEntries(
    LIMIT_NAMES.map((name) => [name, 0]),
  ) as Record<LimitName, number>;

  /** Starts at zero. Events go to the `limit` hook. */
  constructor(options: { limit?(event: LimitEvent<Data>): void }) {
    this.#options = options;
  }

  /** How often each limit was reached, as a new object. */
  get counts(): LimitCounts {
    return { ...this.#counts };
  }

  /**
   * Reports a reached limit. The hook is called later, so that it cannot interfere with the current operation. There
   * is no event for `receiveQueue`, which only makes a peer wait and may occur many times a second.
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
