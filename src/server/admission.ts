/**
 * Limits on the number of connections: in total and per address.
 *
 * @module
 */
import { atLeast } from "../options/at_least.ts";
import { type Refusal, type RefusalCode, refuse } from "../handshake/refusal.ts";

/** Limits on the number of connections. */
export interface AdmissionOptions {
  /**
   * Most connections at a time, including opening handshakes. More are refused with 503; while a thousand of these
   * refusals are still being sent, further ones are dropped.
   *
   * @default 65536
   */
  maxConnections?: number;
  /**
   * Most connections from one address; more are refused with 429. IPv6 addresses are counted by their first 64 bits,
   * since a client can choose the rest. No limit by default: behind a proxy, all clients have its address.
   *
   * @default Infinity
   */
  maxConnectionsPerAddress?: number;
}

/** Why a connection is not admitted. */
export interface Rejection {
  readonly refusal: Refusal;
  /** Whether there is no capacity to send a refusal either. */
  readonly dropped: boolean;
}

// Seconds after which a refused client may retry.
const RETRY_AFTER = 5;
// Sending a refusal takes a moment. Beyond this many at a time, connections are dropped.
const MOST_REFUSED = 1024;

/** Counts connections. */
export class Admission {
  readonly #most: number;
  readonly #mostPerAddress: number;
  readonly #byAddress: Map<string, number> = new Map();

  /** Starts at zero. Throws a `RangeError` for an option out of range. */
  constructor(options: AdmissionOptions) {
    this.#most = atLeast(options, "maxConnections", 1, 65536);
    this.#mostPerAddress = atLeast(options, "maxConnectionsPerAddress", 1, Infinity);
  }

  /**
   * A connection arrives, the last of `present`. Returns a rejection if there is no room. Each call needs a
   * {@linkcode leave} in the end.
   */
  enter(address: string, present: number): Rejection | undefined {
    let fromThere = 0;
    if (this.#counts(address)) {
      const network = networkOf(address);
      fromThere = (this.#byAddress.get(network) ?? 0) + 1;
      this.#byAddress.set(network, fromThere);
    }
    return rejection("connections-exhausted", present - this.#most) ??
      rejection("address-exhausted", fromThere - this.#mostPerAddress);
  }

  /** A connection from this address has ended. */
  leave(address: string): void {
    if (!this.#counts(address)) return;
    const network = networkOf(address);
    const rest = this.#byAddress.get(network)! - 1;
    if (rest === 0) this.#byAddress.delete(network);
    else this.#byAddress.set(network, rest);
  }

  /** Nothing is counted without a limit, nor for peers without an address, as on a Unix socket. */
  #counts(address: string): boolean {
    return address !== "" && this.#mostPerAddress !== Infinity;
  }
}

function rejection(code: RefusalCode, excess: number): Rejection | undefined {
  if (excess <= 0) return undefined;
  return { refusal: refuse(code, { retryAfter: RETRY_AFTER }), dropped: excess > MOST_REFUSED };
}

// RFC 4291, section 2.5.4: the last 64 bits of a global unicast address are chosen by the interface.
const NETWORK_GROUPS = 4;
const ADDRESS_GROUPS = 8;

/** The key by which connections are counted: an IPv4 address, or the /64 network of an IPv6 address. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("%", 1)[0]!.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, ADDRESS_GROUPS - before.length - after.length);
  const groups = [...before, ...Array<string>(zeros).fill("0"), ...after];
  return `${groups.slice(0, NETWORK_GROUPS).map((group) => parseInt(group, 16).toString(16)).join(":")}::/64`;
}
