/**
 * The behaviour of every peer: it echoes each message, executes those that are commands, and reports what it saw on
 * its standard output, one JSON text per line. `peers/python.py` is the same in Python.
 *
 * A server peer prints where it listens, greets connections to `/greet`, and answers `/refuse` with 403. A client peer
 * connects when a line of its standard input orders it to. Each ends when its standard input does, so that none
 * outlives the tests.
 */
import process from "node:process";
import { createInterface } from "node:readline";

/** What a peer tells. */
export type Report =
  | { event: "listening"; port: number }
  | {
    event: "open";
    protocol: string;
    /** The extensions in use, where the peer shows them; `""` for none. */
    extensions?: string | undefined;
    /** The header `x-interop` of the request, as a server sees it. */
    header?: string | undefined;
    /** The header `x-answer` of the response, as a client sees it that shows it. */
    answer?: string | undefined;
  }
  | { event: "ping" | "pong"; payload: string }
  /** A connection that was open is closed. */
  | { event: "close"; code: number; reason: string; wasClean?: boolean }
  /** A client's connection was never open. */
  | { event: "refused"; message: string };

/** What a client peer is ordered to do. */
export interface Order {
  readonly connect: string;
  readonly protocols: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

/** What a browser is ordered to do besides: to leave its page for another. */
export interface Visit {
  readonly visit: string;
}

/** What a message may ask of a peer instead of its echo. */
export type Command =
  | { do: "close"; code?: number; reason?: string }
  | { do: "ping"; payload: string }
  /** Send these parts as fragments of one message, pings between them; a binary one has their UTF-8. */
  | { do: "fragments"; type: "text" | "binary"; parts: string[] };

const PREFIX = "peer:";

/** How a peer compresses, where that can be said; the last argument of its program says it. */
export type PeerCompression =
  /** As the implementation does unless told otherwise, but switched on. */
  | "usual"
  /** Without context takeover in either direction. */
  | "afresh"
  /** With windows of 9 bits from clients, and of 10 from servers. */
  | "narrow";

/** The largest message that peers take, where that can be said. */
export const MAX_MESSAGE_SIZE: number = 64 * 1024 * 1024;

/** The subprotocol that server peers speak. */
export const SUBPROTOCOL = "chat.v1";

/** What server peers send first on `/greet`. */
export const GREETING = "first";

/** The message that gives a command. */
export function commandText(command: Command): string {
  return PREFIX + JSON.stringify(command);
}

/** The command in a message, if it is one. */
export function commandIn(message: unknown): Command | undefined {
  return typeof message === "string" && message.startsWith(PREFIX)
    ? JSON.parse(message.slice(PREFIX.length))
    : undefined;
}

/** Tells the tests. */
export function report(what: Report): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

/** Reads orders until the standard input ends, and the program with it. */
export function takeOrders<Orders = Order>(
  obey: (order: Orders) => void,
  end: () => void = () => process.exit(0),
): void {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => obey(JSON.parse(line)));
  lines.on("close", end);
}

/** What some implementations can or know beyond the standard's interface. */
export interface Special {
  ping?(payload: string): void;
  sendFragments?(type: "text" | "binary", parts: string[]): void;
  /** What there is to tell of the opening handshake besides the subprotocol. */
  seen?(): {
    header?: string | undefined;
    answer?: string | undefined;
    extensions?: string | undefined;
  };
}

/** Makes a peer of anything with the standard's interface. */
export function attend(socket: WebSocket, special: Special = {}): void {
  let open = false;
  const tellOpen = (): void => {
    open = true;
    report({ event: "open", protocol: socket.protocol, extensions: socket.extensions, ...special.seen?.() });
  };
  socket.binaryType = "arraybuffer";
  if (socket.readyState === socket.OPEN) tellOpen();
  else socket.addEventListener("open", tellOpen);
  socket.addEventListener("error", (event) => {
    if (!open) report({ event: "refused", message: (event as Event & { message?: string }).message ?? "" });
  });
  socket.addEventListener("message", ({ data }) => {
    const command = commandIn(data);
    if (command === undefined) socket.send(data);
    else if (command.do === "close") socket.close(command.code, command.reason);
    else if (command.do === "ping") special.ping!(command.payload);
    else special.sendFragments!(command.type, command.parts);
  });
  socket.addEventListener("close", ({ code, reason, wasClean }) => {
    if (open) report({ event: "close", code, reason, wasClean });
  });
}
