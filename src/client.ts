/**
 * `connect()`: a client's connection to a WebSocket server.
 *
 * @module
 */
import { type Connection, startConnection } from "./connection.ts";
import {
  atLeast,
  type ConnectionOptions,
  type ConnectionSettings,
  connectionSettings,
} from "./connection_options.ts";
import { ClientHandshake, type FailedOutcome } from "./handshake/client_handshake.ts";
import { HandshakeError } from "./handshake/handshake_error.ts";
import type { ResponseHead } from "./handshake/http_head.ts";
import { concat } from "./protocol/bytes.ts";
import { adapter } from "./transport/detect.ts";
import {
  type TlsClientOptions,
  type Transport,
  TransportError,
  type TransportHandler,
} from "./transport/transport.ts";
import { headerLines } from "./web_http.ts";

/** How a client connects. */
export interface ConnectOptions extends ConnectionOptions {
  /** Subprotocols to offer, best first. The server may choose one: `socket.protocol`. */
  protocols?: string | readonly string[];
  /** More header fields for the request, such as `authorization` or `cookie`. */
  headers?: HeadersInit;
  /** Gives up the opening handshake; `connect()` then rejects with the signal's reason. Without effect after it. */
  signal?: AbortSignal;
  /** Certificates and names for `wss:`. The server's certificate is always verified. */
  tls?: TlsClientOptions;
  /** Dial this Unix socket; the URL still gives the Host header and the resource name. */
  path?: string;
  /**
   * Milliseconds from the call to the connection: name look-up, TCP, TLS and response together.
   *
   * @default 10000
   */
  handshakeTimeout?: number;
  /**
   * Bytes that the head of the response may have.
   *
   * @default 16384
   */
  maxHeadSize?: number;
  /**
   * Header lines that the response may have.
   *
   * @default 100
   */
  maxHeaders?: number;
}

const MAX_BODY_SIZE = 4096;
// A refusal's body is worth a moment, no more: a server that is no WebSocket's may keep the connection open.
const BODY_TIMEOUT = 1000;

/**
 * Connects to a WebSocket server: `ws:`, `wss:`, `http:` or `https:`.
 *
 * Rejects with a `HandshakeError` that says which step failed and why, with the signal's reason when that was aborted,
 * and with a `SyntaxError`, `TypeError` or `RangeError` for a URL, header, subprotocol or option that cannot be used.
 *
 * @example
 * ```ts
 * import { connect, serve } from "woshou";
 *
 * await using server = await serve({ port: 0 }, async (socket) => {
 *   for await (const message of socket) socket.send(message);
 * });
 * await using socket = await connect(server.url);
 * socket.send("hello");
 * for await (const message of socket) {
 *   console.log(message); // "hello"
 *   break;
 * }
 * ```
 */
export async function connect(url: string | URL, options: ConnectOptions = {}): Promise<Connection> {
  const target = readUrl(url);
  const settings = connectionSettings(options);
  const { protocols = [], signal } = options;
  const handshake = new ClientHandshake({
    host: target.host,
    resourceName: target.pathname + target.search,
    protocols: typeof protocols === "string" ? [protocols] : protocols,
    headers: headerLines(options.headers),
    limits: {
      maxHeadSize: atLeast(options, "maxHeadSize", 64, 16 * 1024),
      maxHeaders: atLeast(options, "maxHeaders", 1, 100),
    },
  });
  const deadline = atLeast(options, "handshakeTimeout", 1, 10_000);
  signal?.throwIfAborted();

  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DeadlineError(deadline)), deadline);
  const forward = (): void => controller.abort(signal?.reason);
  signal?.addEventListener("abort", forward, { once: true });
  try {
    const transport = await dial(target, options, settings, controller.signal);
    return await new ClientOpening(transport, handshake, settings).run(controller.signal);
  } catch (error) {
    if (error instanceof DeadlineError) {
      throw new HandshakeError(error.message, { step: error.step, reason: "timed-out" });
    }
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", forward);
  }
}

class DeadlineError extends Error {
  step: "connect" | "response" = "connect";

  constructor(deadline: number) {
    super(`The opening handshake was not done within ${deadline} ms (handshakeTimeout).`);
  }
}

function readUrl(text: string | URL): URL {
  const url = new URL(text);
  // The WebSockets Standard takes http: and https: for ws: and wss:.
  const scheme = ({ "ws:": "http:", "wss:": "https:" } as Record<string, string>)[url.protocol] ??
    url.protocol;
  if (scheme !== "http:" && scheme !== "https:") {
    throw new SyntaxError(
      `Cannot connect to ${url.protocol} URLs: give one that begins with ws:// or wss://.`,
    );
  }
  // RFC 6455, section 3: "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be used".
  if (url.hash !== "" || url.href.endsWith("#")) {
    throw new SyntaxError("Cannot connect to a URL with a fragment: leave out the # and what follows.");
  }
  if (url.username !== "" || url.password !== "") {
    throw new SyntaxError(
      "Cannot connect with a user name or password in the URL: send an authorization header.",
    );
  }
  return url.protocol === scheme ? url : new URL(scheme + url.href.slice(url.protocol.length));
}

async function dial(
  url: URL,
  options: ConnectOptions,
  settings: ConnectionSettings,
  signal: AbortSignal,
): Promise<Transport> {
  const encrypted = url.protocol === "https:";
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const tls = encrypted ? { serverName: hostname, ...options.tls } : undefined;
  try {
    const { connect } = await adapter();
    const transport = await connect({
      ...(options.path === undefined
        ? { hostname, port: url.port === "" ? (encrypted ? 443 : 80) : Number(url.port) }
        : { path: options.path }),
      ...(tls === undefined ? {} : { tls }),
      signal,
      highWaterMark: settings.sendHighWaterMark,
    });
    // Never in plain text what was meant to be encrypted (CVE-2026-44726).
    if (encrypted && !transport.encrypted) {
      transport.abort();
      throw new TransportError(
        "tls-failed",
        "The connection is not encrypted, although the URL asks for it.",
      );
    }
    return transport;
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    throw new HandshakeError(error.message, { step: "connect", reason: error.code, cause: error });
  }
}

/** The opening handshake on a stream that has been dialled. */
class ClientOpening implements TransportHandler {
  readonly #transport: Transport;
  readonly #handshake: ClientHandshake;
  readonly #settings: ConnectionSettings;
  #resolve!: (socket: Connection) => void;
  #reject!: (error: unknown) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  // The outcome, once it is one that failed; its body is being read.
  #failed: FailedOutcome | undefined;
  #body: Uint8Array = new Uint8Array(0);
  #expectedBody = MAX_BODY_SIZE;

  constructor(transport: Transport, handshake: ClientHandshake, settings: ConnectionSettings) {
    this.#transport = transport;
    this.#handshake = handshake;
    this.#settings = settings;
  }

  async run(signal: AbortSignal): Promise<Connection> {
    const giveUp = (): void => {
      if (signal.reason instanceof DeadlineError) signal.reason.step = "response";
      this.#transport.abort();
      this.#reject(signal.reason);
    };
    try {
      return await new Promise<Connection>((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
        signal.addEventListener("abort", giveUp, { once: true });
        this.#transport.attach(this);
        this.#transport.write(this.#handshake.request());
        if (signal.aborted) giveUp();
      });
    } finally {
      clearTimeout(this.#timer);
      signal.removeEventListener("abort", giveUp);
    }
  }

  data(chunk: Uint8Array): void {
    if (this.#failed !== undefined) return this.#readBody(chunk);
    const result = this.#handshake.receive(chunk);
    if (result === undefined) return;
    const { outcome, end } = result;
    const rest = chunk.subarray(end);
    if (outcome.kind === "failed") return this.#fail(outcome, rest);
    this.#resolve(
      startConnection<undefined>(
        {
          role: "client",
          transport: this.#transport,
          protocol: outcome.protocol,
          extensions: "",
          data: undefined,
          request: undefined,
          settings: this.#settings,
          onError: () => {},
          onClose: () => {},
        },
        undefined,
        rest,
      ),
    );
  }

  drain(): void {}

  end(): void {
    this.#failed ??= this.#handshake.receiveEnd();
    this.#finish();
  }

  close(error?: TransportError): void {
    if (this.#failed === undefined && error !== undefined) {
      this.#reject(new HandshakeError(error.message, { step: "response", reason: error.code, cause: error }));
      return;
    }
    this.#failed ??= this.#handshake.receiveEnd();
    this.#finish();
  }

  #fail(outcome: FailedOutcome, rest: Uint8Array): void {
    this.#failed = outcome;
    if (outcome.failure.code !== "unexpected-status") return this.#finish();
    const length = Number(outcome.head?.headers.get("content-length") ?? MAX_BODY_SIZE);
    if (length < MAX_BODY_SIZE) this.#expectedBody = length;
    this.#timer = setTimeout(() => this.#finish(), BODY_TIMEOUT);
    this.#readBody(rest);
  }

  #readBody(chunk: Uint8Array): void {
    const size = Math.min(this.#expectedBody, this.#body.length + chunk.length);
    this.#body = concat([this.#body, chunk.subarray(0, size - this.#body.length)], size);
    if (size >= this.#expectedBody) this.#finish();
  }

  #finish(): void {
    const { failure, head } = this.#failed!;
    this.#transport.abort();
    const body = this.#body.length > 0 ? new TextDecoder().decode(this.#body) : undefined;
    const said = body === undefined || !isPlainText(head) ? "" : ` It says: ${printable(body)}`;
    this.#reject(
      new HandshakeError(failure.message + said, {
        step: "response",
        reason: failure.code,
        section: failure.section,
        status: head?.status,
        headers: head?.headers,
        body,
      }),
    );
  }
}

function isPlainText(head: ResponseHead | undefined): boolean {
  return head?.headers.get("content-type")?.startsWith("text/plain") ?? false;
}

/** What a server said, fit for a log: no control characters, no more than a few lines. */
function printable(text: string): string {
  let result = "";
  for (const character of text.trim().slice(0, 600)) {
    const code = character.codePointAt(0)!;
    result += code < 0x20 || (code >= 0x7f && code < 0xa0) ? " " : character;
  }
  return result;
}
