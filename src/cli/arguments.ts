/**
 * The words of the command line: one table of flags, from which they are read and from which the help is made.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { VERSION } from "./version.ts";

/** What `woshou serve` was asked for. */
export interface ServeArguments {
  /** The address to listen on. */
  readonly host: string;
  /** The port; 0 for a free one. */
  readonly port: number;
  /** Subprotocols, best first. */
  readonly protocols: readonly string[];
  /** Origins whose pages may connect; none for those of the same host. */
  readonly origins: readonly string[];
  /** Further host names that the server answers for. */
  readonly hosts: readonly string[];
  /** Bytes that one message may have; absent for the library's default, as below. */
  readonly maxMessageSize?: number;
  /** Milliseconds. */
  readonly handshakeTimeout?: number;
  /** Milliseconds. */
  readonly closeTimeout?: number;
  /** Whether each opening handshake is told on stderr. */
  readonly verbose: boolean;
}

/** What the command line asks for. */
export type Command =
  | { readonly kind: "serve"; readonly settings: ServeArguments }
  | { readonly kind: "help" }
  | { readonly kind: "version" };

/** The command line cannot be understood; the message is a sentence for the person who typed it. */
export class UsageError extends Error {
  /** Tells it from other errors. */
  override readonly name = "UsageError";
}

interface Flag {
  readonly value?: string;
  readonly repeatable?: true;
  readonly help: string;
}

const FLAGS = {
  port: { value: "N", help: "The port; 0 takes a free one. Default: 8000." },
  host: {
    value: "H",
    help:
      "The address to listen on. Default: 127.0.0.1, which only this machine reaches; 0.0.0.0 or :: opens " +
      "the server to others.",
  },
  echo: { help: "Send every message back. So does a server that is asked for nothing else." },
  protocol: {
    value: "NAME",
    repeatable: true,
    help: "A subprotocol to speak, the best first. A client that offers only others is refused.",
  },
  origin: {
    value: "ORIGIN",
    repeatable: true,
    help:
      "An origin whose pages may connect, such as https://app.example or https://*.example.com; any for all. " +
      "Default: pages of the host and port that they connect to.",
  },
  "allow-host": {
    value: "HOST",
    repeatable: true,
    help:
      "A host name to answer for besides the loopback names, such as dev.example or *.example.com; any for all. " +
      "Default: any, but on a loopback address the loopback names alone.",
  },
  "max-message-size": {
    value: "BYTES",
    help: "What one message may have; more closes with 1009. Default: 1048576.",
  },
  "handshake-timeout": { value: "MS", help: "Until the opening handshake must be done. Default: 10000." },
  "close-timeout": {
    value: "MS",
    help: "From our Close frame until the peer must have answered. Default: 5000.",
  },
  verbose: { help: "Tell of each opening handshake on stderr." },
  help: { help: "Print this and exit." },
  version: { help: "Print the version and exit." },
} as const satisfies Readonly<Record<string, Flag>>;

type FlagName = keyof typeof FLAGS;

const MAX_TIMEOUT = 2 ** 31 - 1;
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/\s?#@]+$/i;
const HOST = /^(?:\*\.)?[^\s/:@?#*]+$|^\[[0-9a-f:.]+\]$/i;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Reads a command line, without the program's own name. Throws a {@linkcode UsageError}. */
export function parseCommand(args: readonly string[]): Command {
  const { words, flags } = read(args);
  if (flags.has("help")) return { kind: "help" };
  if (flags.has("version")) return { kind: "version" };
  const [command, surplus] = words;
  if (command === undefined && flags.size === 0) return { kind: "help" };
  if (command === undefined) {
    throw new UsageError("These flags belong behind a command: woshou serve, then the flags.");
  }
  if (command !== "serve") {
    throw new UsageError(`There is no command ${quote(command)}: the command is serve.`);
  }
  if (surplus !== undefined) {
    throw new UsageError(`The word ${quote(surplus)} belongs to no flag: write it as --flag value.`);
  }
  const maxMessageSize = integer(flags, "max-message-size", 1, Number.MAX_SAFE_INTEGER);
  const handshakeTimeout = integer(flags, "handshake-timeout", 1, MAX_TIMEOUT);
  const closeTimeout = integer(flags, "close-timeout", 0, MAX_TIMEOUT);
  return {
    kind: "serve",
    settings: {
      host: flags.get("host")?.at(-1) ?? "127.0.0.1",
      port: integer(flags, "port", 0, 65535) ?? 8000,
      protocols: list(flags, "protocol", TOKEN, "a name such as chat.v1, without spaces, commas or slashes"),
      origins: list(
        flags,
        "origin",
        ORIGIN,
        "a scheme, a host and perhaps a port, such as https://app.example",
        [
          "any",
          "null",
        ],
      ),
      hosts: list(flags, "allow-host", HOST, "a host name without scheme and port, such as dev.example", [
        "any",
      ]),
      ...(maxMessageSize === undefined ? {} : { maxMessageSize }),
      ...(handshakeTimeout === undefined ? {} : { handshakeTimeout }),
      ...(closeTimeout === undefined ? {} : { closeTimeout }),
      verbose: flags.has("verbose"),
    },
  };
}

type Flags = ReadonlyMap<FlagName, readonly string[]>;

function read(args: readonly string[]): { words: string[]; flags: Flags } {
  const options = Object.fromEntries(
    Object.entries<Flag>(FLAGS).map(([name, { value }]) =>
      [name, { type: value === undefined ? "boolean" : "string" }] as const
    ),
  );
  // The parser's own errors differ between runtimes; its tokens do not.
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

const HELP_WIDTH = 80;

/** What `--help` prints. */
export function helpText(): string {
  const entries = Object.entries<Flag>(FLAGS).map(([name, { value, repeatable, help }]) => ({
    usage: `--${name}${value === undefined ? "" : ` ${value}`}${repeatable ? " ..." : ""}`,
    help,
  }));
  const column = Math.max(...entries.map(({ usage }) => usage.length)) + 4;
  const lines = entries.map(({ usage, help }) =>
    `  ${usage}`.padEnd(column) + wrap(help, HELP_WIDTH - column).join("\n" + " ".repeat(column))
  );
  return [
    `woshou ${VERSION} (握手, "handshake"): a WebSocket server`,
    "",
    "Usage: woshou serve [flags]",
    "",
    "Sends every message back, and shows the opening handshake on a page of its own:",
    "open http://127.0.0.1:8000/ in a browser. Flags with ... may be repeated.",
    "",
    ...lines,
  ].join("\n");
}

function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
