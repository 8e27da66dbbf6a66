/**
 * Connections for tests: two real connections in memory, without a port. The simulated network between them splits,
 * delays, stalls, cuts and vanishes as the test says.
 *
 * @example The heartbeat detects a half-open connection
 * ```ts
 * import { pair } from "woshou/testing";
 *
 * const { client, server, network } = pair({ server: { heartbeat: { interval: 10, timeout: 10 } } });
 * network.vanish();
 * const { code } = await server.closed;
 * console.log(code); // 1006
 * client.abort();
 * await client.closed;
 * ```
 *
 * @module
 */
export { type Faulty, faulty, type FaultyOptions } from "./faulty.ts";
export type { Flow, FlowOptions } from "./flow.ts";
export {
  type HandshakeClientOptions,
  handshakePair,
  type HandshakePairOptions,
  type HandshakeServerOptions,
} from "./handshake_pair.ts";
export type { Faults } from "./network.ts";
export { type Network, type NetworkOptions, type Pair, pair, type PairOptions } from "./pair.ts";
export type { Split } from "./split.ts";
export type {
  Transport,
  TransportError,
  TransportErrorCode,
  TransportHandler,
} from "../transport/transport.ts";
