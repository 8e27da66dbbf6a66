/**
 * The options of every call, read once: what is given becomes a plain object in which each value is of the right kind, each
 * hook is bound to whom it was found on, and nothing stands that nobody would look at.
 *
 * @module
 */
import { guarded, reportError } from "./error_hook.ts";
import { parseAuthority } from "./handshake/authority.ts";
import { isToken } from "./handshake/header_fields.ts";

/** Reads one value that was given. Throws a `TypeError` or `RangeError` for what cannot be used. */
type Reader = (value: unknown, name: string, from: Given) => unknown;

/** The options that a call has, each with its reader. */
export type Shape = Readonly<Record<string, Reader>>;

/** Options as they were given, and where to tell of what a hook of theirs throws. */
interface Given {
  readonly options: object;
  readonly report: (error: unknown) => void;
}

/** Names that other libraries have for what is called otherwise here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  host: "hostname",
  address: "hostname",
  socketPath: "unix",
  onopen: "open",
  onmessage: "message",
  onclose: "close",
  onerror: "error",
  verifyClient: "upgrade",
  handleProtocols: "protocols",
  protocol: "protocols",
  subprotocols: "protocols",
  perMessageDeflate: "compression",
  maxPayload: "maxMessageSize",
  maxPayloadLength: "maxMessageSize",
  backpressureLimit: "maxBufferedAmount",
  pingInterval: "heartbeat",
  pingTimeout: "heartbeat",
  cert: "tls",
  key: "tls",
  ca: "tls",
  origin: "origins",
  allowedOrigins: "origins",
  allowedHosts: "hosts",
  header: "headers",
  agent: "proxy",
};

/** As they are: ranges and parts are looked at where they are used. */
const given: Reader = (value) => value;

const text: Reader = (value, name) => {
  if (typeof value === "string" && value !== "") return value;
  throw wrongKind(name, value, "a string that is not empty");
};

const flag: Reader = (value, name) => {
  if (typeof value === "boolean") return value;
  throw wrongKind(name, value, "true or false");
};

const signal: Reader = (value, name) => {
  if (typeof (value as AbortSignal | null)?.addEventListener === "function") return value;
  throw wrongKind(name, value, "an AbortSignal");
};

const port: Reader = (value, name) => {
  if (typeof value !== "number") throw wrongKind(name, value, "a number from 0 to 65535");
  if (Number.isInteger(value) && value >= 0 && value <= 65535) return value;
  throw new RangeError(`Cannot use ${value} for option ${name}: give a whole number from 0 to 65535.`);
};

/** A function of the application's whose answer is awaited. */
const hook: Reader = (value, name, { options }) => {
  if (typeof value !== "function") throw wrongKind(name, value, "a function");
  return value.bind(options);
};

/** A function of the application's that is told of something: whatever it throws or rejects with goes to `error` alone. */
const listener: Reader = (value, name, given) => {
  const call = hook(value, name, given) as (...told: unknown[]) => unknown;
  return (...told: unknown[]): void => guarded(() => call(...told), given.report);
};

/** An object with options of its own. */
function group(names: readonly string[], orBoolean = false): Reader {
  const shape: Shape = Object.fromEntries(names.map((name) => [name, given]));
  return (value, name, { report }) => {
    if (orBoolean && typeof value === "boolean") return value;
    if (typeof value !== "object" || value === null) {
      throw wrongKind(name, value, orBoolean ? "true, false or an object" : "an object");
    }
    return read(`option ${name}`, shape, value, report);
  };
}

const heartbeat: Reader = (value, name, given) => {
  if (value === false) return value;
  return group(["interval", "timeout"])(value, name, given);
};

// What elsewhere asks for more than is done here: whoever gives it is not to believe that it holds.
const NOT_OURS = [
  "requestCert",
  "rejectUnauthorized",
  "SNICallback",
  "pfx",
  "passphrase",
  "crl",
  "ciphers",
  "minVersion",
];

/** What a client trusts and shows: PEM texts. */
const authorities: Reader = (value, name, from) => {
  const tls = group(["ca", "cert", "key", "serverName"])(value, name, from) as Record<string, unknown>;
  for (const part of ["cert", "key", "serverName"]) {
    if (tls[part] !== undefined && typeof tls[part] !== "string") {
      throw wrongKind(`${name}.${part}`, tls[part], part === "serverName" ? "a name" : "a PEM text");
    }
  }
  if (tls.ca !== undefined) tls.ca = listOf(tls.ca, `${name}.ca`, "PEM texts");
  return tls;
};

/** A server needs both; it may be given them among others that belong together, as from one file. */
const certificate: Reader = (value, name) => {
  if (typeof value !== "object" || value === null) {
    throw wrongKind(name, value, "an object with cert and key");
  }
  const tls = value as Record<string, unknown>;
  const foreign = NOT_OURS.find((each) => tls[each] !== undefined);
  if (foreign !== undefined) {
    throw new TypeError(`Cannot use option tls.${foreign}: serve() has cert and key alone.`);
  }
  for (const part of ["cert", "key"]) {
    if (typeof tls[part] !== "string") throw wrongKind(`tls.${part}`, tls[part], "a PEM text");
  }
  return { cert: tls.cert, key: tls.key };
};

/** The path of a URL, without a query. */
const urlPath: Reader = (value, name) => {
  if (typeof value !== "string") throw wrongKind(name, value, "a string");
  if (value.startsWith("/") && !/[?#\s]/.test(value)) return value;
  throw new TypeError(
    `Cannot use ${JSON.stringify(value)} for option ${name}: give the path of a URL, such as "/chat". ` +
      "A Unix socket is the option unix.",
  );
};

/** One string is a list of one. */
function listOf(value: unknown, name: string, what: string): readonly string[] {
  const list: unknown = typeof value === "string" ? [value] : value;
  if (!Array.isArray(list)) throw wrongKind(name, value, `a list of ${what}`);
  const wrong = Array.from(list).find((each) => typeof each !== "string");
  if (wrong !== undefined || list.includes(undefined)) {
    throw new TypeError(`Cannot use ${describe(wrong)} in option ${name}: give a list of ${what}.`);
  }
  return list as string[];
}

const protocols: Reader = (value, name, given) => {
  if (typeof value === "function") return hook(value, name, given);
  const list = listOf(value, name, "subprotocols");
  for (const [index, each] of list.entries()) {
    // Some carry secrets there: no error repeats them.
    if (!isToken(each)) {
      throw new TypeError(`Cannot use subprotocol ${index + 1} of option ${name}: it is not a token.`);
    }
  }
  return list;
};

const offered: Reader = (value, name) => listOf(value, name, "subprotocols");

const origins: Reader = (value, name) => {
  if (value === "same-host" || value === "any") return value;
  return listOf(value, name, "origins").map((entry) => originEntry(entry));
};

/** An entry that an `Origin` can be like. Some devices send a path, and files send `null` or `file://`. */
function originEntry(entry: string): string {
  if (entry === "null" || entry === "file://") return entry;
  const cannot = (why: string): TypeError =>
    new TypeError(`Cannot use ${JSON.stringify(entry)} in option origins: ${why}`);
  if (entry === "*") throw cannot('to admit every origin, give "any" in place of the list.');
  if (entry === "any" || entry === "same-host") throw cannot("give it in place of the list.");
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(entry) ?? [];
  if (scheme === "") {
    throw cannot(`an origin begins with its scheme, such as "https://${entry.replace(/^\/+/, "")}".`);
  }
  if (/^wss?$/i.test(scheme)) {
    throw cannot(`it is the page's origin that is compared, which begins with http:// or https://.`);
  }
  const [host = "", path] = split(rest, "/");
  if (path !== undefined && path !== "") return entry;
  const authority = parseAuthority(toAscii(host));
  if (authority === undefined || !isHostPattern(authority.host)) {
    throw cannot(
      'behind the scheme stands a host, with a port or without: "https://app.example" or "https://*.app.example".',
    );
  }
  return `${scheme}://${authority.host}${authority.port === "" ? "" : `:${authority.port}`}`;
}

const hosts: Reader = (value, name) => {
  if (value === "loopback" || value === "any") return value;
  return listOf(value, name, "host names").map((entry) => hostEntry(entry));
};

function hostEntry(entry: string): string {
  const cannot = (why: string): TypeError =>
    new TypeError(`Cannot use ${JSON.stringify(entry)} in option hosts: ${why}`);
  if (entry === "*") throw cannot('to answer for every name, give "any" in place of the list.');
  if (entry === "any" || entry === "loopback") throw cannot("give it in place of the list.");
  if (entry.includes("/")) throw cannot("give the name alone, without a scheme or a path.");
  const bare = /^[0-9a-f:.]+$/i.test(entry) && entry.split(":").length > 2 ? `[${entry}]` : entry;
  const authority = parseAuthority(toAscii(bare));
  if (authority === undefined || !isHostPattern(authority.host)) {
    throw cannot('give a name, such as "app.example", or "*.app.example" for those below it.');
  }
  if (bare.endsWith(`:${authority.port}`)) throw cannot("the port is not compared: leave it out.");
  return authority.host;
}

function split(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** A `*` stands for the labels before a name, and nowhere else. */
function isHostPattern(host: string): boolean {
  return !host.replace(/^\*\.(?=.)/, "").includes("*");
}

/** A name in other letters, as browsers write it in `Origin` and `Host`. */
function toAscii(authority: string): string {
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(authority) || !URL.canParse(`http://${authority}`)) return authority;
  return new URL(`http://${authority}`).host;
}

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
  path: urlPath,
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

/** A call that has options. */
export type Call = "serve()" | "acceptor()" | "connect()" | "new WebSocket()" | "reconnecting()" | "pair()";

const SHAPES: Readonly<Record<Call, Shape>> = {
  "serve()": SERVE,
  "acceptor()": OPENING,
  "connect()": CONNECT,
  "new WebSocket()": { ...CONNECT, protocols: given },
  "reconnecting()": RECONNECT,
  "pair()": CONNECTION,
};

/** Options that were read: of one subprotocol a list was made. */
export type Read<Options> = Options extends { protocols?: infer Protocols }
  ? Omit<Options, "protocols"> & { protocols?: Exclude<Protocols, string> }
  : Options;

/**
 * Reads the options of a call. Throws a `TypeError` for a name that it does not have and for a value of the wrong kind, and
 * a `RangeError` for a port out of range; other ranges are looked at where the values are used.
 */
export function readOptions<Options extends object>(call: Call, options: Options): Read<Options> {
  if (typeof options !== "object" || options === null) {
    const instead = call === "serve()" && typeof options === "number"
      ? `{ port: ${String(options)} }, then the handler`
      : call === "serve()" || call === "acceptor()"
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

function read(
  call: string,
  shape: Shape,
  options: object,
  report: (error: unknown) => void,
): Record<string, unknown> {
  checkNames(call, shape, options);
  const settings: Record<string, unknown> = {};
  for (const [name, reader] of Object.entries(shape)) {
    // Found wherever it is: a class's methods stand on its prototype.
    const value = (options as Record<string, unknown>)[name];
    if (value !== undefined) settings[name] = reader(value, name, { options, report });
  }
  return settings;
}

const CALLBACKS: Shape = { open: given, message: given, close: given };

/** Checks what is to be given connections: a function, or callbacks. Throws a `TypeError` for all else. */
export function checkHandler(call: Call, handler: unknown): void {
  if (typeof handler === "function") return;
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

/** Throws a `TypeError` for a name that would be looked at by nobody. What a class has beside is its own affair. */
function checkNames(call: string, shape: Shape, options: object, plain: boolean = isPlain(options)): void {
  const names = plain ? Object.keys(options) : undefined;
  for (const name of names ?? allNames(options)) {
    if (Object.hasOwn(shape, name)) continue;
    const meant = likeliest(name, shape, names !== undefined);
    if (
      names === undefined &&
      (meant === undefined || (options as Record<string, unknown>)[meant] !== undefined)
    ) {
      continue;
    }
    const advice = call === "connect()" && name === "path"
      ? "the path stands in the URL, and a Unix socket is the option unix."
      : meant === undefined
      ? `it has ${Object.keys(shape).sort().join(", ")}.`
      : `did you mean ${meant}?`;
    throw new TypeError(`Cannot use option ${name}: ${call} has none of that name; ${advice}`);
  }
}

function isPlain(options: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(options);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function allNames(options: object): Set<string> {
  const names = new Set<string>();
  for (let each = options; !isRoot(each); each = Object.getPrototypeOf(each)) {
    for (const name of Object.getOwnPropertyNames(each)) names.add(name);
  }
  names.delete("constructor");
  return names;
}

function isRoot(prototype: object | null): prototype is null {
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** The name that somebody meant who wrote another. Of what a class has, only what is almost that name. */
function likeliest(name: string, shape: Shape, plain: boolean): string | undefined {
  const names = Object.keys(shape);
  const lower = name.toLowerCase();
  const same = names.find((each) => lower === each.toLowerCase() || lower === `on${each.toLowerCase()}`);
  if (same !== undefined) return same;
  const elsewhere = plain && Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name]! : undefined;
  if (elsewhere !== undefined && Object.hasOwn(shape, elsewhere)) return elsewhere;
  const most = plain && name.length > 4 ? 2 : 1;
  return names
    .filter((each) => plain || (each.length > 4 && lower !== `${each.toLowerCase()}s`))
    .map((each) => ({ each, far: distance(lower, each.toLowerCase(), most) }))
    .filter(({ far }) => far <= most)
    .sort((a, b) => a.far - b.far)[0]?.each;
}

/** How many letters are wrong, missing, too many or in the wrong order; more than `most` when there are more than that. */
function distance(a: string, b: string, most: number): number {
  if (a === b) return 0;
  if (most === 0 || Math.abs(a.length - b.length) > most) return most + 1;
  let at = 0;
  while (a[at] === b[at]) at++;
  const [left, right] = [a.slice(at), b.slice(at)];
  const swapped = left[0] === right[1] && left[1] === right[0] && left.length > 1 && right.length > 1;
  return 1 + Math.min(
    distance(left.slice(1), right.slice(1), most - 1),
    distance(left.slice(1), right, most - 1),
    distance(left, right.slice(1), most - 1),
    swapped ? distance(left.slice(2), right.slice(2), most - 1) : most,
  );
}

function wrongKind(name: string, value: unknown, right: string): TypeError {
  return new TypeError(`Cannot use ${describe(value)} for option ${name}: give ${right}.`);
}

/** A value by its kind: what it holds may be a secret. */
function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === "number" || typeof value === "boolean") {
    return String(value);
  }
  if (Array.isArray(value)) return "an array";
  if (value === "") return "an empty string";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
