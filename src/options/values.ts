/**
 * The values of options, each by its kind: what is given is checked and made into what the code works with.
 *
 * @module
 */
import { isToken } from "../http/header_fields.ts";
import { guarded } from "../support/error_hook.ts";
import { checkNames } from "./names.ts";

/** Reads one value that was given. Throws a `TypeError` or `RangeError` for what cannot be used. */
export type Reader = (value: unknown, name: string, from: Given) => unknown;

/** The options that a call has, each with its reader. */
export type Shape = Readonly<Record<string, Reader>>;

/** Options as they were given, and where to tell of what a hook of theirs throws. */
export interface Given {
  readonly options: object;
  readonly report: (error: unknown) => void;
}

/** As they are: ranges and parts are looked at where they are used. */
export const given: Reader = (value) => value;

/** A string that is not empty. */
export const text: Reader = (value, name) => {
  if (typeof value === "string" && value !== "") return value;
  throw wrongKind(name, value, "a string that is not empty");
};

/** `true` or `false`. */
export const flag: Reader = (value, name) => {
  if (typeof value === "boolean") return value;
  throw wrongKind(name, value, "true or false");
};

/** An `AbortSignal`. */
export const signal: Reader = (value, name) => {
  if (typeof (value as AbortSignal | null)?.addEventListener === "function") return value;
  throw wrongKind(name, value, "an AbortSignal");
};

/** The number of a port. */
export const port: Reader = (value, name) => {
  if (typeof value !== "number") throw wrongKind(name, value, "a number from 0 to 65535");
  if (Number.isInteger(value) && value >= 0 && value <= 65535) return value;
  throw new RangeError(`Cannot use ${value} for option ${name}: give a whole number from 0 to 65535.`);
};

/** A function of the application's whose answer is awaited. */
export const hook: Reader = (value, name, { options }) => {
  if (typeof value !== "function") throw wrongKind(name, value, "a function");
  return value.bind(options);
};

/** A function of the application's that is told of something: whatever it throws or rejects with goes to `error` alone. */
export const listener: Reader = (value, name, given) => {
  const call = hook(value, name, given) as (...told: unknown[]) => unknown;
  return (...told: unknown[]): void => guarded(() => call(...told), given.report);
};

/** An object with options of its own. */
export function group(names: readonly string[], orBoolean = false): Reader {
  const shape: Shape = Object.fromEntries(names.map((name) => [name, given]));
  return (value, name, { report }) => {
    if (orBoolean && typeof value === "boolean") return value;
    if (typeof value !== "object" || value === null) {
      throw wrongKind(name, value, orBoolean ? "true, false or an object" : "an object");
    }
    return read(`option ${name}`, shape, value, report);
  };
}

/** `false`, or what a heartbeat has. */
export const heartbeat: Reader = (value, name, given) => {
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
export const authorities: Reader = (value, name, from) => {
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
export const certificate: Reader = (value, name) => {
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
export const urlPath: Reader = (value, name) => {
  if (typeof value !== "string") throw wrongKind(name, value, "a string");
  if (value.startsWith("/") && !/[?#\s]/.test(value)) return value;
  throw new TypeError(
    `Cannot use ${JSON.stringify(value)} for option ${name}: give the path of a URL, such as "/chat". ` +
      "A Unix socket is the option unix.",
  );
};

/** One string is a list of one. */
export function listOf(value: unknown, name: string, what: string): readonly string[] {
  const list: unknown = typeof value === "string" ? [value] : value;
  if (!Array.isArray(list)) throw wrongKind(name, value, `a list of ${what}`);
  const wrong = Array.from(list).find((each) => typeof each !== "string");
  if (wrong !== undefined || list.includes(undefined)) {
    throw new TypeError(`Cannot use ${describe(wrong)} in option ${name}: give a list of ${what}.`);
  }
  return list as string[];
}

/** Subprotocols that a server takes, or a function that chooses. */
export const protocols: Reader = (value, name, given) => {
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

/** Subprotocols that a client offers. */
export const offered: Reader = (value, name) => listOf(value, name, "subprotocols");

/** Reads the options of a call, or of a group of them. Throws for a name that it does not have. */
export function read(
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

/** The error for a value of the wrong kind. */
export function wrongKind(name: string, value: unknown, right: string): TypeError {
  return new TypeError(`Cannot use ${describe(value)} for option ${name}: give ${right}.`);
}

/** A value by its kind: what it holds may be a secret. */
export function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === "number" || typeof value === "boolean") {
    return String(value);
  }
  if (Array.isArray(value)) return "an array";
  if (value === "") return "an empty string";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
