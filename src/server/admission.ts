/**
 * How many may be connected at a time: in all, and from one address.
 *
 * @module
 */
import { atLeast } from "../options/at_least.ts";
import { type Refusal, type RefusalCode, refuse } from "../handshake/refusal.ts";

/** How many connections a server has at most. */
export interface AdmissionOptions {
  /**
   * Connections that there may be at a time, opening handshakes included. More are refused with 503; when a thousand of
   * those have not gone yet, they are dropped.
   *
   * @default 65536
   */
  maxConnections?: number;
  /**
   * The same, from one address, where more are refused with 429. An IPv6 address counts by its first 64 bits, since the
   * others are its owner's to choose. The default is none: behind a proxy, all clients have its address.
   *
   * @default Infinity
   */
  maxConnectionsPerAddress?: number;
}

/** Why somebody who comes is not let in. */
export interface Rejection {
  readonly refusal: Refusal;
  /** Whether there is no room to say so, either. */
  readonly dropped: boolean;
}

// Seconds after which who was refused may try again.
const RETRY_AFTER = 5;
// Those that are told why they are refused take a moment to go. Beyond so many of them, no more is said.
const MOST_REFUSED = 1024;

/** Counts who is there. */
export class Admission {
  readonly #most: number;
  readonly #mostPerAddress: number;
  readonly #byAddress: Map<string, number> = new Map();

  /** Nobody is there yet. Throws a `RangeError` for an option out of range. */
  constructor(options: AdmissionOptions) {
    this.#most = atLeast(options, "maxConnections", 1, 65536);
    this.#mostPerAddress = atLeast(options, "maxConnectionsPerAddress", 1, Infinity);
  }

  /**
   * Somebody comes, as the last of `present`. Answers a refusal where there is no room. Each call wants a
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

  /** Somebody has gone who had come from there. */
  leave(address: string): void {
    if (!this.#counts(address)) return;
    const network = networkOf(address);
    const rest = this.#byAddress.get(network)! - 1;
    if (rest === 0) this.#byAddress.delete(network);
    else this.#byAddress.set(network, rest);
  }

  /** Nothing is kept where nothing is limited, nor of those who have no address, as on a Unix socket. */
  #counts(address: string): boolean {
    return address !== "" && this.#mostPerAddress !== Infinity;
  }
}

function rejection(code: RefusalCode, excess: number): Rejection | undefined {
  if (excess <= 0) return undefined;
  return { refusal: refuse(code, { retryAfter: RETRY_AFTER }), dropped: excess > MOST_REFUSED };
}

// RFC 4291, section 2.5.4: the last 64 bits of a global unicast address are the interface's own to choose.
const NETWORK_GROUPS = 4;
const ADDRESS_GROUPS = 8;

/** Whose connections count together: an IPv4 address, or the network of an IPv6 one. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("%", 1)[0]!.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, ADDRESS_GROUPS - before.length - after.length);
  const groups = [...before, ...Array<string>(zeros).fill("0"), ...after];
  return `${groups.slice(0, NETWORK_GROUPS).map((group) => parseInt(group, 16).toString(16)).join(":")}::/64`;
}
