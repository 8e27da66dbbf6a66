/**
 * Reads the options of every call once: checks each value, rejects unknown names, binds each hook to its object, and
 * returns a plain object.
 *
 * @module
 */
import { guarded, reportError } from "../support/error_hook.ts";
import { checkNames } from "./names.ts";
import { hosts, origins } from "./origins_and_hosts.ts";
import {
  authorities,
  certificate,
  describe,
  flag,
  given,
  group,
  heartbeat,
  hook,
  httpApplication,
  listener,
  offered,
  paths,
  port,
  protocols,
  read,
  type Shape,
  signal,
  text,
  wrongKind,
} from "./values.ts";

const CONNECTION: Shape = {
  maxMessageSize: given,
  maxFragments: given,
  maxControlFrames: given,
  closeTimeout: given,
  heartbeat,
  idleTimeout: given,
  receiveQueue: group(["messages", "bytes"]),
  sendHighWaterMark: given,
  maxBufferedAmount: given,
  compression: group(
    [
      "mode",
      "level",
      "threshold",
      "windowBits",
      "peerWindowBits",
      "peerContextTakeover",
      "memoryBudget",
    ],
    true,
  ),
};

const OPENING: Shape = {
  ...CONNECTION,
  path: paths,
  origins,
  hosts,
  protocols,
  upgrade: hook,
  handshakeTimeout: given,
  maxConnections: given,
  maxConnectionsPerAddress: given,
  maxTopics: given,
  subscriptions: group(["whenSlow", "maxWaiting"]),
  relay: hook,
  accepted: listener,
  refused: listener,
  limit: listener,
  error: given,
};

const ROUTE: Shape = { ...CONNECTION, origins, protocols, upgrade: hook };

const SERVE: Shape = {
  ...OPENING,
  hostname: text,
  port,
  unix: text,
  tls: certificate,
  reusePort: flag,
  backlog: given,
  signal,
  fetch: hook,
  http: httpApplication,
  context: hook,
  maxHeadSize: given,
  maxHeaders: given,
};

const CONNECT: Shape = {
  ...CONNECTION,
  protocols: offered,
  headers: given,
  signal,
  error: given,
  tls: authorities,
  unix: text,
  redirects: given,
  proxy: given,
  handshakeTimeout: given,
  maxHeadSize: given,
  maxHeaders: given,
};

const RECONNECT: Shape = {
  ...CONNECT,
  renew: hook,
  delays: group(["first", "factor", "max", "jitter"]),
  minUptime: given,
  retry: hook,
  open: hook,
  state: hook,
  maxQueuedBytes: given,
  maxQueuedMessages: given,
};

/** A call with options. */
export type Call =
  | "serve()"
  | "acceptor()"
  | "route()"
  | "connect()"
  | "new WebSocket()"
  | "reconnecting()"
  | "pair()";

const SHAPES: Readonly<Record<Call, Shape>> = {
  "serve()": SERVE,
  "acceptor()": OPENING,
  "route()": ROUTE,
  "connect()": CONNECT,
  "new WebSocket()": { ...CONNECT, protocols: given },
  "reconnecting()": RECONNECT,
  "pair()": CONNECTION,
};

/** Options after reading: a single subprotocol has become a list, and paths a function. */
export type Read<Options> =
  & Omit<Options, "protocols" | "path">
  & (Options extends { protocols?: infer Protocols } ? { protocols?: Exclude<Protocols, string> } : unknown)
  & (Options extends { path?: unknown } ? { path?(path: string): boolean } : unknown);

/**
 * Reads the options of a call. Throws a `TypeError` for an unknown name and for a value of the wrong type, and a
 * `RangeError` for a port out of range. Other ranges are checked where the values are used.
 */
export function readOptions<Options extends object>(call: Call, options: Options): Read<Options> {
  if (typeof options !== "object" || options === null) {
    const instead = call === "serve()" && typeof options === "number"
      ? `{ port: ${String(options)} }, then the handler`
      : call === "serve()" || call === "acceptor()" || call === "route()"
      ? "an object, which may be empty, then the handler"
      : "an object";
    throw new TypeError(`Cannot use ${describe(options)} as the options of ${call}: give ${instead}.`);
  }
  const hook = (options as { error?: unknown }).error;
  if (hook !== undefined && typeof hook !== "function") throw wrongKind("error", hook, "a function");
  const error = hook?.bind(options) as ((error: unknown) => unknown) | undefined;
  const report = (reason: unknown): void =>
    reportError(error && ((told) => guarded(() => error(told), console.error)), reason);
  const settings = read(call, SHAPES[call], options, report);
  if (error !== undefined && "error" in SHAPES[call]) settings.error = report;
  return settings as Read<Options>;
}

const CALLBACKS: Shape = { open: given, message: given, close: given };

/** Checks a connection handler: a function, or callbacks. Throws a `TypeError` for anything else. */
export function checkHandler(call: Call, handler: unknown): void {
  if (typeof handler === "function") return;
  // The routes of a list have been checked by route().
  if (Array.isArray(handler) && (call === "serve()" || call === "acceptor()")) return;
  if (typeof handler !== "object" || handler === null) {
    throw new TypeError(
      `Cannot use ${
        describe(handler)
      } as the handler of ${call}: give a function, or an object with open, message or close.`,
    );
  }
  checkNames("the handler", CALLBACKS, handler, false);
  for (const name of Object.keys(CALLBACKS)) {
    const value = (handler as Record<string, unknown>)[name];
    if (value !== undefined && typeof value !== "function") throw wrongKind(name, value, "a function");
  }
}
