/**
 * Readers for option values, one per type: each checks a value and converts it to the form that the code uses.
 *
 * @module
 */
import { isToken } from "../http/header_fields.ts";
import { guarded } from "../support/error_hook.ts";
import { checkNames } from "./names.ts";

/** Reads a value. Throws a `TypeError` or `RangeError` for an invalid one. */
export type Reader = (value: unknown, name: string, from: Given) => unknown;

/** The options of a call, each with its reader. */
export type Shape = Readonly<Record<string, Reader>>;

/** The options as given, and where to report what one of their hooks throws. */
export interface Given {
  readonly options: object;
  readonly report: (error: unknown) => void;
}

/** Any value: its range and parts are checked where they are used. */
export const given: Reader = (value) => value;

/** A non-empty string. */
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

/** A port number. */
export const port: Reader = (value, name) => {
  if (typeof value !== "number") throw wrongKind(name, value, "a number from 0 to 65535");
  if (Number.isInteger(value) && value >= 0 && value <= 65535) return value;
  throw new RangeError(`Cannot use ${value} for option ${name}: give a whole number from 0 to 65535.`);
};

/** A function of the application whose result is awaited. */
export const hook: Reader = (value, name, { options }) => {
  if (typeof value !== "function") throw wrongKind(name, value, "a function");
  return value.bind(options);
};

/** A function of the application that is notified: anything it throws or rejects with goes to `error` only. */
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

/** `false`, or the heartbeat options. */
export const heartbeat: Reader = (value, name, given) => {
  if (value === false) return value;
  return group(["interval", "timeout"])(value, name, given);
};

// Options that other libraries have and that would do more than ours: giving one throws, so that nobody relies on it.
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

/** Certificates and keys of a client, as PEM text. */
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

const CLIENT_OPTIONS = ["clientCa", "clientCertificate"];

/** What a server needs for TLS. */
interface ServerTls {
  readonly cert: string;
  readonly key: string;
  readonly names?: Readonly<Record<string, { cert: string; key: string }>>;
  readonly clientCa?: readonly string[];
  readonly clientCertificate?: "required" | "optional";
}

/** A server needs both. Other members are allowed, so that an object read from a file can be passed. */
export const certificate = (value: unknown, name: string): ServerTls => {
  if (typeof value !== "object" || value === null) {
    throw wrongKind(name, value, "an object with cert and key");
  }
  const tls = value as Record<string, unknown>;
  const foreign = NOT_OURS.find((each) => tls[each] !== undefined);
  if (foreign !== undefined) {
    const advice = foreign === "SNICallback"
      ? "certificates for server names are tls.names"
      : /^(?:requestCert|rejectUnauthorized)$/.test(foreign)
      ? "to ask clients for certificates, give their authorities as tls.clientCa"
      : "serve() has cert, key, names, clientCa and clientCertificate";
    throw new TypeError(`Cannot use option tls.${foreign}: ${advice}.`);
  }
  // A misspelt name would let everybody in.
  const misspelt = Object.keys(tls).find((each) => /^client/i.test(each) && !CLIENT_OPTIONS.includes(each));
  if (misspelt !== undefined) {
    throw new TypeError(
      `Cannot use option tls.${misspelt}: about clients, serve() has tls.clientCa and tls.clientCertificate.`,
    );
  }
  const { clientCa, clientCertificate } = tls;
  if (clientCertificate !== undefined && clientCa === undefined) {
    throw new TypeError(
      "Cannot use option tls.clientCertificate without tls.clientCa: give the authorities whose certificates count.",
    );
  }
  if (
    clientCertificate !== undefined && clientCertificate !== "required" && clientCertificate !== "optional"
  ) {
    throw wrongKind("tls.clientCertificate", clientCertificate, '"required" or "optional"');
  }
  return {
    ...certifiedKey(tls, "tls"),
    ...(tls.names === undefined ? {} : { names: certifiedNames(tls.names) }),
    ...(clientCa === undefined ? {} : { clientCa: clientAuthorities(clientCa) }),
    ...(clientCertificate === undefined
      ? {}
      : { clientCertificate: clientCertificate as "required" | "optional" }),
  };
};

function clientAuthorities(value: unknown): readonly string[] {
  const list = listOf(value, "tls.clientCa", "PEM texts");
  if (list.length > 0) return list;
  throw new TypeError(
    "Cannot use an empty list for option tls.clientCa: no client could have a certificate.",
  );
}

function certifiedKey(tls: Record<string, unknown>, name: string): { cert: string; key: string } {
  const { cert, key } = tls;
  if (typeof cert !== "string") throw wrongKind(`${name}.cert`, cert, "a PEM text");
  if (typeof key !== "string") throw wrongKind(`${name}.key`, key, "a PEM text");
  return { cert, key };
}

// A wildcard stands for one label, as in a certificate (RFC 9525, section 6.3).
const SERVER_NAME = /^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

function certifiedNames(names: unknown): Record<string, { cert: string; key: string }> {
  if (typeof names !== "object" || names === null) {
    throw wrongKind("tls.names", names, "an object of server names, each with cert and key");
  }
  const result: Record<string, { cert: string; key: string }> = Object.create(null);
  for (const [given, value] of Object.entries(names)) {
    const name = given.toLowerCase();
    const option = `tls.names[${JSON.stringify(given)}]`;
    if (!SERVER_NAME.test(name) || /^[\d.]+$/.test(name)) {
      throw new TypeError(
        `Cannot use option ${option}: give a host name, such as "app.example" or "*.example".`,
      );
    }
    if (typeof value !== "object" || value === null) {
      throw wrongKind(option, value, "an object with cert and key");
    }
    result[name] = certifiedKey(value as Record<string, unknown>, option);
  }
  return result;
}

/** The path of a URL, without a query. */
export const urlPath = (value: unknown, name: string): string => {
  if (typeof value !== "string") throw wrongKind(name, value, "a path, a list of paths, or a function");
  if (value.startsWith("/") && !/[?#\s]/.test(value)) return value;
  throw new TypeError(
    `Cannot use ${JSON.stringify(value)} for option ${name}: give the path of a URL, such as "/chat". ` +
      "A Unix socket is the option unix.",
  );
};

/** A path, a list of paths, or a function that tells for each path. Read as a function. */
export const paths: Reader = (value, name, given) => {
  if (typeof value === "function") {
    const call = hook(value, name, given) as (path: string) => unknown;
    return (path: string): boolean => {
      try {
        return call(path) === true;
      } catch (error) {
        // It is asked about every request that comes, wherever that is read.
        given.report(error);
        return false;
      }
    };
  }
  const list = new Set(
    (Array.isArray(value) ? Array.from(value) : [value]).map((each) => urlPath(each, name)),
  );
  return (path: string): boolean => list.has(path);
};

/** The HTTP application: a request listener of `node:http`, or a server of it, without TLS. */
export const httpApplication: Reader = (value, name) => {
  if (typeof value === "function") return value;
  const { emit, headersTimeout, callback, setSecureContext } = (value ?? {}) as Record<string, unknown>;
  const isServer = typeof emit === "function" && typeof headersTimeout === "number";
  if (isServer && setSecureContext === undefined) return value;
  throw wrongKind(
    name,
    value,
    isServer
      ? "a server of node:http, not of node:https: serve() has TLS, by option tls"
      : typeof callback === "function"
      ? "app.callback()"
      : "a request listener of node:http, such as an Express app, or a node:http server",
  );
};

/** A string is a list of one. */
export function listOf(value: unknown, name: string, what: string): readonly string[] {
  const list: unknown = typeof value === "string" ? [value] : value;
  if (!Array.isArray(list)) throw wrongKind(name, value, `a list of ${what}`);
  const wrong = Array.from(list).find((each) => typeof each !== "string");
  if (wrong !== undefined || list.includes(undefined)) {
    throw new TypeError(`Cannot use ${describe(wrong)} in option ${name}: give a list of ${what}.`);
  }
  return list as string[];
}

/** Subprotocols that a server supports, or a function that selects one. */
export const protocols: Reader = (value, name, given) => {
  if (typeof value === "function") return hook(value, name, given);
  const list = listOf(value, name, "subprotocols");
  for (const [index, each] of list.entries()) {
    // Subprotocols may carry secrets: no error repeats them.
    if (!isToken(each)) {
      throw new TypeError(`Cannot use subprotocol ${index + 1} of option ${name}: it is not a token.`);
    }
  }
  return list;
};

/** Subprotocols that a client offers. */
export const offered: Reader = (value, name) => listOf(value, name, "subprotocols");

/** Reads the options of a call, or of a group of them. Throws for an unknown name. */
export function read(
  call: string,
  shape: Shape,
  options: object,
  report: (error: unknown) => void,
): Record<string, unknown> {
  checkNames(call, shape, options);
  const settings: Record<string, unknown> = {};
  for (const [name, reader] of Object.entries(shape)) {
    // Inherited members count too: the methods of a class are on its prototype.
    const value = (options as Record<string, unknown>)[name];
    if (value !== undefined) settings[name] = reader(value, name, { options, report });
  }
  return settings;
}

/** The error for a value of the wrong type. */
export function wrongKind(name: string, value: unknown, right: string): TypeError {
  return new TypeError(`Cannot use ${describe(value)} for option ${name}: give ${right}.`);
}

/** Describes a value by its type: its content may be secret. */
export function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === "number" || typeof value === "boolean") {
    return String(value);
  }
  if (Array.isArray(value)) return "an array";
  if (value === "") return "an empty string";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
