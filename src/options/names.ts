/**
 * Option names: an unknown name throws, with a hint at the name that was probably meant.
 *
 * @module
 */

/** The options of a call, by name. */
type Names = Readonly<Record<string, unknown>>;

/** Names that other libraries use for our options. */
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

/** Throws a `TypeError` for an unknown name. Other members of a class instance are allowed. */
export function checkNames(
  call: string,
  shape: Names,
  options: object,
  plain: boolean = isPlain(options),
): void {
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
      ? "the path is part of the URL, and a Unix socket is the option unix."
      : meant === undefined
      ? `it has ${Object.keys(shape).sort().join(", ")}.`
      : `did you mean ${meant}?`;
    throw new TypeError(`Cannot use option ${name}: ${call} has no such option; ${advice}`);
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

/** The option that was probably meant. For a class instance only a near-identical name counts. */
function likeliest(name: string, shape: Names, plain: boolean): string | undefined {
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

/** The number of wrong, missing, extra or swapped letters; more than `most` if it exceeds that. */
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
