/**
 * Parses the command line.
 *
 * @module
 */
import { LONGEST_WAIT } from "../support/timer.ts";
import { parseArgs } from "node:util";
import type { CompressionOptions } from "../compression/options.ts";
import { readUrl } from "../client/url.ts";
import { type CommandName, type Flag, type FlagName, FLAGS } from "./flags.ts";

/** Settings for the connections of every command. */
export interface ConnectionArguments {
  /** Subprotocols, most preferred first. */
  readonly protocols: readonly string[];
  /** Largest message in bytes. Absent: the library's default, as for the fields below. */
  readonly maxMessageSize?: number;
  /** Most fragments in one message. */
  readonly maxFragments?: number;
  /** Absent: no compression. */
  readonly compression?: CompressionOptions;
  /** Milliseconds. */
  readonly handshakeTimeout?: number;
  /** Milliseconds. */
  readonly closeTimeout?: number;
}

/** The arguments of `woshou serve`. */
export interface ServeArguments extends ConnectionArguments {
  /** The address to listen on. */
  readonly host: string;
  /** The port; 0 picks a free one. */
  readonly port: number;
  /** Whether each message is sent to every connection. */
  readonly broadcast: boolean;
  /** Allowed page origins; empty allows pages of the same host only. */
  readonly origins: readonly string[];
  /** More host names that the server answers for. */
  readonly hosts: readonly string[];
  /** Milliseconds. */
  readonly idleTimeout?: number;
  /** Whether each opening handshake is logged to stderr. */
  readonly verbose: boolean;
}

/** The arguments of `woshou connect`. */
export interface ConnectArguments extends ConnectionArguments {
  /** Where to connect. */
  readonly url: string;
  /** Whether every message is echoed. */
  readonly echo: boolean;
}

/** A parsed command line. */
export type Command =
  | { readonly kind: "serve"; readonly settings: ServeArguments }
  | { readonly kind: "connect"; readonly settings: ConnectArguments }
  | { readonly kind: "help"; readonly command: CommandName | undefined }
  | { readonly kind: "version" };

/** A mistake in the command line. Its message is a sentence for the person who typed it. */
export class UsageError extends Error {
  /** Distinguishes it from other errors. */
  override readonly name = "UsageError";
}

const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/\s?#@]+$/i;
const HOST = /^(?:\*\.)?[^\s/:@?#*]+$|^\[[0-9a-f:.]+\]$/i;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Parses the arguments that follow the program's name. Throws a {@linkcode UsageError}. */
export function parseCommand(args: readonly string[]): Command {
  const { words, flags } = read(args);
  const [command, ...rest] = words;
  if (flags.has("help")) return { kind: "help", command: isCommand(command) ? command : undefined };
  if (flags.has("version")) return { kind: "version" };
  if (command === undefined && flags.size === 0) return { kind: "help", command: undefined };
  if (command === undefined) {
    throw new UsageError("Flags come after the command: woshou serve [flags].");
  }
  if (!isCommand(command)) {
    throw new UsageError(`There is no command ${quote(command)}: the commands are serve and connect.`);
  }
  for (const name of flags.keys()) {
    const { of }: Flag = FLAGS[name];
    if (of !== undefined && !of.includes(command)) {
      throw new UsageError(
        `There is no flag --${name} of woshou ${command}: it belongs to ${of.join(" and ")}.`,
      );
    }
  }
  return command === "serve" ? serveCommand(rest, flags) : connectCommand(rest, flags);
}

function serveCommand([surplus]: readonly string[], flags: Flags): Command {
  if (surplus !== undefined) {
    throw new UsageError(`The word ${quote(surplus)} belongs to no flag: write --flag value.`);
  }
  if (flags.has("echo") && flags.has("broadcast")) {
    throw new UsageError(
      "The flags --echo and --broadcast exclude each other: a broadcast also goes back to its sender.",
    );
  }
  const idleTimeout = integer(flags, "idle-timeout", 0, LONGEST_WAIT);
  return {
    kind: "serve",
    settings: {
      host: flags.get("host")?.at(-1) ?? "127.0.0.1",
      port: integer(flags, "port", 0, 65535) ?? 8000,
      broadcast: flags.has("broadcast"),
      origins: list(
        flags,
        "origin",
        ORIGIN,
        "a scheme, a host and perhaps a port, such as https://app.example",
        ["any", "null"],
      ),
      hosts: list(
        flags,
        "allow-host",
        HOST,
        "a host name without scheme and port, such as dev.example",
        ["any"],
      ),
      ...connectionArguments(flags),
      ...(idleTimeout === undefined ? {} : { idleTimeout }),
      verbose: flags.has("verbose"),
    },
  };
}

function connectCommand([url, surplus]: readonly string[], flags: Flags): Command {
  if (url === undefined) {
    throw new UsageError("This command needs a URL: woshou connect ws://localhost:8000/.");
  }
  if (surplus !== undefined) {
    throw new UsageError(`The word ${quote(surplus)} belongs to no flag, and there already is a URL.`);
  }
  try {
    readUrl(url);
  } catch (error) {
    // Each runtime words a URL error differently; our own messages are the same everywhere.
    const why = error instanceof SyntaxError
      ? error.message
      : "It begins with ws:// or wss://, then the host.";
    throw new UsageError(`The word ${quote(url)} is not a WebSocket URL. ${why}`);
  }
  return { kind: "connect", settings: { url, echo: flags.has("echo"), ...connectionArguments(flags) } };
}

function connectionArguments(flags: Flags): ConnectionArguments {
  const maxMessageSize = integer(flags, "max-message-size", 1, Number.MAX_SAFE_INTEGER);
  const maxFragments = integer(flags, "max-fragments", 1, Number.MAX_SAFE_INTEGER);
  const handshakeTimeout = integer(flags, "handshake-timeout", 1, LONGEST_WAIT);
  const closeTimeout = integer(flags, "close-timeout", 0, LONGEST_WAIT);
  if (flags.has("context-takeover") && !flags.has("compress")) {
    throw new UsageError("The flag --context-takeover also needs --compress.");
  }
  const mode = flags.has("context-takeover") ? "context-takeover" : "shared";
  return {
    ...(flags.has("compress") ? { compression: { mode } } : {}),
    protocols: list(flags, "protocol", TOKEN, "a name such as chat.v1, without spaces, commas or slashes"),
    ...(maxMessageSize === undefined ? {} : { maxMessageSize }),
    ...(maxFragments === undefined ? {} : { maxFragments }),
    ...(handshakeTimeout === undefined ? {} : { handshakeTimeout }),
    ...(closeTimeout === undefined ? {} : { closeTimeout }),
  };
}

function isCommand(word: string | undefined): word is CommandName {
  return word === "serve" || word === "connect";
}

type Flags = ReadonlyMap<FlagName, readonly string[]>;

function read(args: readonly string[]): { words: string[]; flags: Flags } {
  const options = Object.fromEntries(
    Object.entries<Flag>(FLAGS).map(([name, { value }]) =>
      [name, { type: value === undefined ? "boolean" : "string" }] as const
    ),
  );
  // `parseArgs` errors differ between runtimes; its tokens do not.
  const { tokens } = parseArgs({
    args: [...args],
    options: { ...options, help: { type: "boolean", short: "h" } },
    strict: false,
    tokens: true,
  });
  const words: string[] = [];
  const flags = new Map<FlagName, string[]>();
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName, value } = token;
    if (!isFlag(name)) throw new UsageError(`There is no flag ${rawName}.`);
    const flag: Flag = FLAGS[name];
    if (flag.value === undefined && value !== undefined) {
      throw new UsageError(`The flag ${rawName} takes no value: leave out ${quote(value)}.`);
    }
    if (flag.value !== undefined && (value ?? "") === "") {
      throw new UsageError(`The flag ${rawName} needs a value: ${rawName} ${flag.value}.`);
    }
    flags.set(name, [...flags.get(name) ?? [], value ?? ""]);
  }
  return { words, flags };
}

function isFlag(name: string): name is FlagName {
  return Object.hasOwn(FLAGS, name);
}

function integer(flags: Flags, name: FlagName, least: number, most: number): number | undefined {
  const text = flags.get(name)?.at(-1);
  if (text === undefined) return undefined;
  const value = /^[0-9]+$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new UsageError(`The flag --${name} takes a whole number ${range}, not ${quote(text)}.`);
}

function list(
  flags: Flags,
  name: FlagName,
  pattern: RegExp,
  what: string,
  words: readonly string[] = [],
): readonly string[] {
  const values = flags.get(name) ?? [];
  const wrong = values.find((value) => !words.includes(value) && !pattern.test(value));
  if (wrong === undefined) return values;
  throw new UsageError(`The flag --${name} takes ${what}, not ${quote(wrong)}.`);
}

function quote(text: string): string {
  return JSON.stringify(text);
}
