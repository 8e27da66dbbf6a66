/**
 * A transport with a network of a test's making in front of it.
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
  /** Bytes that the owner may write before `write()` answers `false`. Default: 65536. */
  highWaterMark?: number;
}

/** A transport that can be made to fail. */
export interface Faulty extends Faults {
  /** To be used instead of the transport that was given. */
  readonly transport: Transport;
  /** From the owner to the peer. A socket may join again what was split. */
  readonly outgoing: Flow;
  /** From the peer to the owner. */
  readonly incoming: Flow;
}

/**
 * Puts a network in front of any transport, such as a real socket. The transport must not have been attached to.
 * Whatever breaks behind it shows as `connection-reset`. Throws a `RangeError` for an option out of range.
 */
export function faulty(transport: Transport, options: FaultyOptions = {}): Faulty {
  const { remoteAddress, encrypted } = transport;
  const { outgoing = {}, incoming = {}, highWaterMark = DEFAULT_HIGH_WATER_MARK } = options;
  // With no room behind the network each piece is read by itself.
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
