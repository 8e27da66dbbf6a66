/**
 * The flags of the command line in one table, which the parser and the help both use.
 *
 * @module
 */

/** The commands. */
export type CommandName = "serve" | "connect";

/** One flag. */
export interface Flag {
  /** The commands that accept it; absent: all, and no command at all. */
  readonly of?: readonly CommandName[];
  /** The name of its value; absent for a flag without one. */
  readonly value?: string;
  /** Whether it may be repeated. */
  readonly repeatable?: true;
  /** What it does; may differ by command. */
  readonly help: string | Readonly<Record<CommandName, string>>;
}

/** The name of a flag, without its dashes. */
export type FlagName =
  | "port"
  | "host"
  | "echo"
  | "broadcast"
  | "protocol"
  | "origin"
  | "allow-host"
  | "max-message-size"
  | "max-fragments"
  | "compress"
  | "context-takeover"
  | "handshake-timeout"
  | "idle-timeout"
  | "close-timeout"
  | "verbose"
  | "help"
  | "version";

/** Every flag, by its name. */
export const FLAGS: Readonly<Record<FlagName, Flag>> = {
  port: { of: ["serve"], value: "N", help: "The port; 0 picks a free one. Default: 8000." },
  host: {
    of: ["serve"],
    value: "H",
    help:
      "The address to listen on. Default: 127.0.0.1, reachable from this machine only; 0.0.0.0 or :: opens " +
      "the server to others.",
  },
  echo: {
    of: ["serve", "connect"],
    help: {
      serve: "Echo every message. This is the default.",
      connect: "Echo every message, print no messages, and exit with 0 however the connection ends.",
    },
  },
  broadcast: { of: ["serve"], help: "Send every message to all connections, including the sender's." },
  protocol: {
    of: ["serve", "connect"],
    value: "NAME",
    repeatable: true,
    help: {
      serve: "A supported subprotocol, most preferred first. A client that offers only others is refused.",
      connect: "A subprotocol to offer, most preferred first.",
    },
  },
  origin: {
    of: ["serve"],
    value: "ORIGIN",
    repeatable: true,
    help: "An allowed page origin, such as https://app.example or https://*.example.com; any allows all. " +
      "Default: pages of the host and port that they connect to.",
  },
  "allow-host": {
    of: ["serve"],
    value: "HOST",
    repeatable: true,
    help:
      "A host name to answer for besides the loopback names, such as dev.example or *.example.com; any allows all. " +
      "Default: any, but on a loopback address only the loopback names.",
  },
  "max-message-size": {
    of: ["serve", "connect"],
    value: "BYTES",
    help: "The largest message; a larger one closes with 1009. Default: 1048576.",
  },
  "max-fragments": {
    of: ["serve", "connect"],
    value: "N",
    help: "The most fragments of a message; more close with 1008. Default: 131072.",
  },
  compress: {
    of: ["serve", "connect"],
    help: {
      serve: "Compress messages (permessage-deflate) for clients that offer it.",
      connect: "Offer to compress messages (permessage-deflate).",
    },
  },
  "context-takeover": {
    of: ["serve", "connect"],
    help: "With --compress: messages may refer to earlier ones, which makes similar messages smaller.",
  },
  "handshake-timeout": {
    of: ["serve", "connect"],
    value: "MS",
    help: "The time limit of the opening handshake. Default: 10000.",
  },
  "idle-timeout": {
    of: ["serve"],
    value: "MS",
    help: "Close a connection after this time without messages; 0: never. Default: 0.",
  },
  "close-timeout": {
    of: ["serve", "connect"],
    value: "MS",
    help: "The time that the peer has to answer our Close frame. Default: 5000.",
  },
  verbose: { of: ["serve"], help: "Log each opening handshake to stderr." },
  help: { help: "Print this help and exit; after a command, the help of that command." },
  version: { help: "Print the version and exit." },
};
