/**
 * What both faces do before a connection is there: read their arguments, and connect as the WebSockets Standard says.
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

/** What goes into a Close frame; `null` for one that holds no status code. */
export interface CloseRequest {
  readonly code: number | null;
  readonly reason: string;
}

/** What a face is made of when its connection is there already. */
export interface Accepted {
  /** The URL that the peer asked for, in its `ws:` form; `""` where there was no request. */
  readonly url: string;
  readonly connection: Connection<unknown>;
  readonly messages: AsyncIterator<Message>;
}

/** A face's constructor finds it among its options under this key, which no caller can know. */
export const ACCEPTED: unique symbol = Symbol("accepted");

/** The options of a face whose connection is there already. */
export interface AcceptedOptions {
  readonly [ACCEPTED]?: Accepted;
}

/**
 * Takes over a connection: its messages, and the say over when it ends. Throws a `TypeError` when it was given to
 * callbacks.
 */
export function accept<Data>(connection: Connection<Data>): Accepted {
  const messages = connection[Symbol.asyncIterator]();
  releaseFromHandler(connection);
  const url = connection.request?.url.replace(/^http/, "ws") ?? "";
  return { url, connection: connection as Connection<unknown>, messages };
}

/**
 * Reads a URL (WebSockets Standard, "get a URL record"). There is no base URL, so that it must be absolute. Throws a
 * `SyntaxError` `DOMException`.
 */
export function urlRecord(text: string): URL {
  const url = parseUrl(text);
  if (!(url instanceof URL)) throw syntaxError(url.message);
  return new URL(url.href.replace(/^http/, "ws"));
}

/** Checks the names of subprotocols. Throws a `SyntaxError` `DOMException` for one that is no token or stands twice. */
export function checkProtocols(protocols: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  for (const [index, protocol] of protocols.entries()) {
    if (!isToken(protocol)) {
      throw syntaxError(`Cannot offer subprotocol ${index + 1}: it is not a token.`);
    }
    // The standard leaves open what "occur more than once" means for "a" and "A"; web-platform-tests refuse them.
    const name = protocol.toLowerCase();
    if (seen.has(name)) throw syntaxError(`Cannot offer subprotocol ${index + 1}: it stands there twice.`);
    seen.add(name);
  }
  return protocols;
}

/**
 * Reads the arguments of `close()`. Throws an `InvalidAccessError` `DOMException` for a code that is neither 1000 nor
 * one from 3000 to 4999, and a `SyntaxError` one for a reason of more than 123 bytes.
 */
export function closeRequest(code: number | null, reason: string): CloseRequest {
  if (code !== null && code !== NORMAL_CLOSURE && !(code >= 3000 && code <= 4999)) {
    throw new DOMException(
      `Cannot close with status code ${code}: use 1000, or one from 3000 to 4999.`,
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
 * The options as a plain object, without `protocols` and `signal`, which the faces read by rules of their own. Throws what
 * {@linkcode establish} would reject with for options that cannot be used.
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
    // The standard asks for more than RFC 6455, section 4.1: "This covers a subprotocol requested by the client, but
    // not acknowledged by the server."
    throw new HandshakeError(
      `The server chose none of the ${protocols.length} subprotocols that were offered.`,
      { step: "response", reason: "subprotocol-missing", section: "WebSockets Standard, opening handshake" },
    );
  }
  return connection;
}

/** An error of this library, or one made of what a source threw. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("What was thrown is no Error.", { cause: error });
}

/** A `DOMException` for an argument that cannot be read. */
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
