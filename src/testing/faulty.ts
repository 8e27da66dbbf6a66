/**
 * Puts a simulated network in front of a transport.
 *
 * @module
 */
import { memoryPair } from "../transport/memory.ts";
import { DEFAULT_HIGH_WATER_MARK, type Transport } from "../transport/transport.ts";
import type { Flow, FlowOptions } from "./flow.ts";
import { type Faults, Relay } from "./network.ts";

/** How the network in front of a transport behaves. */
export interface FaultyOptions {
  /** From the owner to the peer. */
  outgoing?: FlowOptions;
  /** From the peer to the owner. */
  incoming?: FlowOptions;
  /** Bytes that the owner may write before `write()` returns `false`. Default: 65536. */
  highWaterMark?: number;
}

/** A transport with simulated faults. */
export interface Faulty extends Faults {
  /** Use this instead of the original transport. */
  readonly transport: Transport;
  /** From the owner to the peer. A real socket may join split pieces again. */
  readonly outgoing: Flow;
  /** From the peer to the owner. */
  readonly incoming: Flow;
}

/**
 * Puts a simulated network in front of any transport, such as a real socket. The transport must not have been
 * attached to. A fault appears as `connection-reset`. Throws a `RangeError` for an option out of range.
 */
export function faulty(transport: Transport, options: FaultyOptions = {}): Faulty {
  const { remoteAddress, encrypted } = transport;
  const { outgoing = {}, incoming = {}, highWaterMark = DEFAULT_HIGH_WATER_MARK } = options;
  // Without a buffer behind the network each piece is read separately.
  const [near, far] = memoryPair({ highWaterMark, remoteAddress, encrypted }, { highWaterMark: 0 });
  const relay = new Relay(far, transport, outgoing, incoming);
  return {
    transport: near,
    outgoing: relay.rightward,
    incoming: relay.leftward,
    cut: () => relay.cut(),
    vanish: () => relay.vanish(),
  };
}
