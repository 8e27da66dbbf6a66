/**
 * What both web interfaces share before they are connected: reading arguments, and connecting as the WebSockets
 * Standard says.
 *
 * @module
 */
import { parseUrl } from "../client/url.ts";
import { connect } from "../client/connect.ts";
import type { ConnectOptions } from "../client/options.ts";
import { clientHandshake, clientSettings } from "../client/settings.ts";
import { type Connection, releaseFromHandler } from "../connection/connection.ts";
import type { Message } from "../connection/message.ts";
import { HandshakeError } from "../handshake/handshake_error.ts";
import { isToken } from "../http/header_fields.ts";
import { readOptions } from "../options/read.ts";
import { MAX_REASON_SIZE } from "../protocol/close_payload.ts";
import { NORMAL_CLOSURE } from "../protocol/status_code.ts";

/** The content of a Close frame; `code` is `null` for a frame without a status code. */
export interface CloseRequest {
  readonly code: number | null;
  readonly reason: string;
}

/** A connection that already exists, to be wrapped. */
export interface Accepted {
  /** The `ws:` URL that the peer requested; `""` if there was no request. */
  readonly url: string;
  readonly connection: Connection<unknown>;
  readonly messages: AsyncIterator<Message>;
}

/** The constructors find it among their options under this key, which callers cannot know. */
export const ACCEPTED: unique symbol = Symbol("accepted");

/** Options for wrapping an existing connection. */
export interface AcceptedOptions {
  readonly [ACCEPTED]?: Accepted;
}

/** Takes over a connection: its messages, and when it ends. Throws a `TypeError` if it has callbacks. */
export function accept<Data>(connection: Connection<Data>): Accepted {
  const messages = connection[Symbol.asyncIterator]();
  releaseFromHandler(connection);
  const url = connection.request?.url.replace(/^http/, "ws") ?? "";
  return { url, connection: connection as Connection<unknown>, messages };
}

/**
 * Parses a URL (WebSockets Standard, "get a URL record"). There is no base URL, so it must be absolute. Throws a
 * `SyntaxError` `DOMException`.
 */
export function urlRecord(text: string): URL {
  const url = parseUrl(text);
  if (!(url instanceof URL)) throw syntaxError(url.message);
  return new URL(url.href.replace(/^http/, "ws"));
}

/** Checks subprotocol names. Throws a `SyntaxError` `DOMException` for one that is not a token or is repeated. */
export function checkProtocols(protocols: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  for (const [index, protocol] of protocols.entries()) {
    if (!isToken(protocol)) {
      throw syntaxError(`Cannot offer subprotocol ${index + 1}: it is not a token.`);
    }
    // The standard does not say whether "a" and "A" are the same; web-platform-tests say that they are.
    const name = protocol.toLowerCase();
    if (seen.has(name)) throw syntaxError(`Cannot offer subprotocol ${index + 1}: it is repeated.`);
    seen.add(name);
  }
  return protocols;
}

/**
 * Reads the arguments of `close()`. Throws an `InvalidAccessError` `DOMException` for a code that is neither 1000 nor
 * 3000 to 4999, and a `SyntaxError` one for a reason of more than 123 bytes.
 */
export function closeRequest(code: number | null, reason: string): CloseRequest {
  if (code !== null && code !== NORMAL_CLOSURE && !(code >= 3000 && code <= 4999)) {
    throw new DOMException(
      `Cannot close with status code ${code}: use 1000, or 3000 to 4999.`,
      "InvalidAccessError",
    );
  }
  const size = new TextEncoder().encode(reason).length;
  if (size > MAX_REASON_SIZE) {
    throw syntaxError(
      `Cannot close with a reason of ${size} bytes: at most ${MAX_REASON_SIZE} fit the frame.`,
    );
  }
  // WebSockets Standard, "close the WebSocket": "If code is null and reason is non-empty, then set code to 1000."
  return { code: code === null && reason !== "" ? NORMAL_CLOSURE : code, reason };
}

/**
 * The options as a plain object, without `protocols` and `signal`, which have their own rules. Throws for invalid
 * options what {@linkcode establish} would reject with.
 */
export function checkOptions(
  url: URL,
  protocols: readonly string[],
  options: Omit<ConnectOptions, "protocols" | "signal">,
): ConnectOptions {
  const { protocols: _, signal: __, ...read } = readOptions<ConnectOptions>("new WebSocket()", options);
  const settings = clientSettings(read);
  clientHandshake({ url, headers: settings.headers }, protocols, settings);
  return read;
}

/** Connects to a URL of {@linkcode urlRecord}. Rejects as {@linkcode connect} does. */
export async function establish(
  url: URL,
  protocols: readonly string[],
  options: ConnectOptions,
  signal: AbortSignal,
): Promise<Connection> {
  const headers = new Headers(options.headers);
  const target = new URL(url);
  if ((url.username !== "" || url.password !== "") && !headers.has("authorization")) {
    headers.set("authorization", basicAuthorization(url));
  }
  target.username = "";
  target.password = "";
  const connection = await connect(target, { ...options, headers, protocols, signal });
  if (protocols.length > 0 && connection.protocol === "") {
    connection.abort();
    // The standard requires more than RFC 6455, section 4.1: "This covers a subprotocol requested by the client, but
    // not acknowledged by the server."
    throw new HandshakeError(
      `The server selected none of the ${protocols.length} offered subprotocols.`,
      { step: "response", reason: "subprotocol-missing", section: "WebSockets Standard, opening handshake" },
    );
  }
  return connection;
}

/** An `Error`, made from what a source threw if necessary. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("The thrown value is not an Error.", { cause: error });
}

/** A `DOMException` for an invalid argument. */
export function syntaxError(message: string): DOMException {
  return new DOMException(message, "SyntaxError");
}

/** RFC 7617, section 2. */
function basicAuthorization({ username, password }: URL): string {
  const bytes = new TextEncoder().encode(`${decodePercents(username)}:${decodePercents(password)}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

function decodePercents(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
