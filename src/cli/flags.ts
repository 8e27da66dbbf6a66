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
  port: { of: ["serve"], value: "N", help: "The port; 0 takes a free one. Default: 8000." },
  host: {
    of: ["serve"],
    value: "H",
    help:
      "The address to listen on. Default: 127.0.0.1, which only this machine reaches; 0.0.0.0 or :: opens " +
      "the server to others.",
  },
  echo: {
    of: ["serve", "connect"],
    help: {
      serve: "Send every message back. So does a server that is asked for nothing else.",
      connect: "Send every message back, print none, and exit 0 however the connection ends.",
    },
  },
  broadcast: { of: ["serve"], help: "Send every message to all connections, the sender's own included." },
  protocol: {
    of: ["serve", "connect"],
    value: "NAME",
    repeatable: true,
    help: {
      serve: "A subprotocol to speak, the best first. A client that offers only others is refused.",
      connect: "A subprotocol to offer, the best first.",
    },
  },
  origin: {
    of: ["serve"],
    value: "ORIGIN",
    repeatable: true,
    help:
      "An origin whose pages may connect, such as https://app.example or https://*.example.com; any for all. " +
      "Default: pages of the host and port that they connect to.",
  },
  "allow-host": {
    of: ["serve"],
    value: "HOST",
    repeatable: true,
    help:
      "A host name to answer for besides the loopback names, such as dev.example or *.example.com; any for all. " +
      "Default: any, but on a loopback address the loopback names alone.",
  },
  "max-message-size": {
    of: ["serve", "connect"],
    value: "BYTES",
    help: "What one message may have; more closes with 1009. Default: 1048576.",
  },
  "max-fragments": {
    of: ["serve", "connect"],
    value: "N",
    help: "Fragments that one message may have; more close with 1008. Default: 131072.",
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
    help: "With --compress: messages may refer to those before them.",
  },
  "handshake-timeout": {
    of: ["serve", "connect"],
    value: "MS",
    help: "Until the opening handshake must be done. Default: 10000.",
  },
  "idle-timeout": {
    of: ["serve"],
    value: "MS",
    help: "Without a message either way, after which a connection is closed; 0 for never. Default: 0.",
  },
  "close-timeout": {
    of: ["serve", "connect"],
    value: "MS",
    help: "From our Close frame until the peer must have answered. Default: 5000.",
  },
  verbose: { of: ["serve"], help: "Tell of each opening handshake on stderr." },
  help: { help: "Print this and exit; behind a command, the help of that command." },
  version: { help: "Print the version and exit." },
};
