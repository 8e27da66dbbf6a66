/**
 * WebSockets over HTTP/2 (RFC 8441) on a `node:http2` server: extended CONNECT requests, shared by the acceptors of that
 * server and its other listeners.
 *
 * @module
 */
import { type Acceptance, extendedConnectAcceptance } from "../handshake/server_response.ts";
import type { OpeningRequest } from "../handshake/server_handshake.ts";
import { type ConnectRequest, readConnect } from "../handshake/extended_connect.ts";
import type { HeaderLine, ResponseMessage } from "../http/response.ts";
import { startTimer } from "../support/timer.ts";
import { type DuplexStream, DuplexTransport } from "../transport/duplex.ts";
import type { Answering } from "./answering.ts";
import { certificateOf, type CertifiedSocket } from "./client_certificate.ts";

/** Header fields as `node:http2` has them: names in lower case, with `:path` and so on. */
export type Http2Headers = Readonly<Record<string, string | string[] | undefined>>;

/** A stream of a `node:http2` server. */
export interface Http2Stream extends DuplexStream {
  /** Whether the response has begun. */
  readonly headersSent: boolean;
  /** Its connection; `undefined` once that is over. */
  readonly session?: {
    /** Whether it is encrypted. */
    readonly encrypted?: boolean | undefined;
    /** Its socket. */
    readonly socket?: CertifiedSocket & { readonly remoteAddress?: string | undefined };
  } | undefined;
  /** Begins the response. */
  respond(headers: Record<string, string | number | string[]>): void;
  /** Ends the stream with this error code (RFC 9113, section 7). */
  close(code: number): void;
}

/** A server of `node:http2`: `createServer()` or `createSecureServer()`. */
export interface Http2Server {
  /** Adds a listener. */
  on(event: string, listener: (...args: never[]) => void): unknown;
  /** The number of listeners. */
  listenerCount(event: string): number;
  /** Replaces settings; servers of HTTP/1.1 have none. */
  updateSettings(settings: object): void;
}

/** Who accepts WebSockets on a server. */
export interface ConnectTaker {
  /** Milliseconds to wait for other listeners. */
  readonly patience: number;
  /** Whether WebSockets on a path are its own. */
  isOurs(path: string): boolean;
  /** Accepts or refuses. */
  take(request: ConnectRequest, stream: Http2Stream, headers: Http2Headers): void;
}

const takersOf: WeakMap<object, ConnectTaker[]> = new WeakMap();

/**
 * From now on WebSockets on this server go to the taker whose they are. Throws a `TypeError` if it is no server of
 * `node:http2`, or if its settings do not allow extended CONNECT.
 */
export function listenForConnect(server: Http2Server, taker: ConnectTaker): void {
  check(server);
  const takers = takersOf.get(server);
  if (takers !== undefined) return void takers.push(taker);
  const list = [taker];
  takersOf.set(server, list);
  server.on("stream", (stream: Http2Stream, headers: Http2Headers, _flags: number, fields: string[]) => {
    if (headers[":method"] === "CONNECT") arrived(server, list, stream, headers, fields);
  });
  // Without it, the requests and responses of node:http2 answer 405 to every CONNECT.
  server.on("connect", () => {});
}

function check(server: Http2Server): void {
  if (typeof server?.updateSettings !== "function") {
    throw new TypeError(
      "Cannot accept WebSockets over HTTP/2 here: this is no server of node:http2. With node:http or node:https, use " +
        'server.on("upgrade", accept).',
    );
  }
  const name = Object.getOwnPropertySymbols(server).find(({ description }) => description === "options");
  if (name === undefined) return;
  const options = (server as unknown as Record<symbol, { settings?: { enableConnectProtocol?: boolean } }>)[
    name
  ];
  if (options?.settings?.enableConnectProtocol === true) return;
  throw new TypeError(
    "Cannot accept WebSockets over HTTP/2: clients must be told that the server does. Create it with " +
      "{ settings: { enableConnectProtocol: true } }.",
  );
}

function arrived(
  server: Http2Server,
  takers: readonly ConnectTaker[],
  stream: Http2Stream,
  headers: Http2Headers,
  fields: readonly string[],
): void {
  // Between its listeners, a failure of the peer must not end the process, nor one of a stream that is over already.
  stream.on("error", () => {});
  if (isAnswered(stream)) return;
  const request = readConnect(fields);
  const path = request.head.target.split("?", 1)[0]!;
  const ours = request.protocol === "websocket" ? takers.find((each) => each.isOurs(path)) : undefined;
  const [first] = takers;
  const refuse = (): void => {
    if (!isAnswered(stream)) first!.take(request, stream, headers);
  };
  if (ours !== undefined) ours.take(request, stream, headers);
  else if (hasOthers(server)) (startTimer(first!.patience, refuse) as { unref?(): void }).unref?.();
  else refuse();
}

function isAnswered(stream: Http2Stream): boolean {
  return stream.headersSent || stream.destroyed;
}

/** Whether anybody else might answer a CONNECT request. */
function hasOthers(server: Http2Server): boolean {
  // The first `request` listener makes node:http2 listen for streams itself.
  const ofCompatibility = server.listenerCount("request") > 0 ? 1 : 0;
  return server.listenerCount("stream") > 1 + ofCompatibility || server.listenerCount("connect") > 1;
}

// RFC 9113, section 7.
const NO_ERROR = 0x0;
const CANCEL = 0x8;

/** A stream of HTTP/2 in place of a TCP connection. */
export class Http2StreamTransport extends DuplexTransport {
  readonly #stream: Http2Stream;

  /** Takes over the stream. */
  constructor(stream: Http2Stream, highWaterMark: number) {
    super(stream, {
      highWaterMark,
      remoteAddress: stream.session?.socket?.remoteAddress,
      encrypted: stream.session?.encrypted === true,
    });
    const certificate = certificateOf(stream.session?.socket);
    if (certificate !== undefined) this.clientCertificate = certificate;
    this.#stream = stream;
    // A server ends its side when nothing more is expected from the peer, which might keep its own side open. In a later
    // turn: what has been finished, headers and END_STREAM included, need not have been sent, and RST_STREAM overtakes it.
    stream.on("finish", () => void setImmediate(() => stream.close(NO_ERROR)));
  }

  // RFC 8441, section 5: "RST exceptions are represented with the RST_STREAM frame [...] with the CANCEL error code".
  override abort(): void {
    if (this.life === "open" && !this.#stream.destroyed) this.#stream.close(CANCEL);
    super.abort();
  }
}

// RFC 9113, section 8.2.2: "An endpoint MUST NOT generate an HTTP/2 message containing connection-specific header
// fields."
const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "te",
]);

/** Answers on a stream. */
export function answeringOn(stream: Http2Stream): Answering {
  return {
    accept(_, request: OpeningRequest, acceptance: Acceptance) {
      if (stream.headersSent) {
        throw new TypeError(
          "Cannot accept a WebSocket over HTTP/2: somebody else has answered its stream. Let your other listeners for " +
            "stream leave CONNECT requests alone.",
        );
      }
      const response = extendedConnectAcceptance(request, acceptance);
      begin(stream, response);
      return textOf(response);
    },
    ready(response) {
      // RFC 9110, section 9.3.6, of CONNECT: "Any 2xx (Successful) response indicates that the sender (and all inbound
      // proxies) will switch to tunnel mode": the body would be read as frames.
      if (response.status < 300) {
        throw new TypeError(
          `Cannot refuse a WebSocket over HTTP/2 with status ${response.status}, which accepts it there: answer with 300 or more.`,
        );
      }
      return {
        text: () => textOf(response) + new TextDecoder().decode(response.body),
        send(transport) {
          try {
            if (begin(stream, response)) transport.write(response.body);
          } catch (error) {
            // node:http2 does not send what it finds wrong in headers; nothing else can be answered any more.
            transport.abort();
            throw error;
          }
        },
      };
    },
  };
}

function allowedLines({ headers }: ResponseMessage): HeaderLine[] {
  return headers.map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !CONNECTION_SPECIFIC.has(name));
}

function textOf(response: ResponseMessage): string {
  const lines = allowedLines(response).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/2 ${response.status}\r\n${lines.join("")}\r\n`;
}

/** Whether the response could begin: the stream is there, and nobody else has answered it. */
function begin(stream: Http2Stream, response: ResponseMessage): boolean {
  if (isAnswered(stream)) return false;
  const headers: Record<string, string | number | string[]> = Object.create(null);
  headers[":status"] = response.status;
  for (const [name, value] of allowedLines(response)) {
    const before = headers[name];
    // Of most fields, node:http2 sends one line for each value.
    if (before === undefined) headers[name] = value;
    else headers[name] = [...(Array.isArray(before) ? before : [String(before)]), value];
  }
  stream.respond(headers);
  return true;
}
