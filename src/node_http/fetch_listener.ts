/**
 * A `fetch` handler as a request listener of `node:http`: bodies are streamed both ways.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";

/** What makes and answers the requests. */
export interface FetchApplication {
  /** Makes the web `Request`. Throws if the request cannot be one. */
  requestOf(
    request: IncomingMessage,
    init: { readonly body: ReadableStream<Uint8Array> | undefined; readonly signal: AbortSignal },
  ): Request;
  /** The application's handler. */
  fetch(request: Request): Response | Promise<Response>;
  /** Reports what the handler or a body threw. */
  failed(error: unknown): void;
}

// The Fetch Standard forbids these methods in a Request.
const FORBIDDEN: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);

/** A request listener that answers by this handler. An exception is answered with 500, or ends a response that has begun. */
export function fetchListener(
  application: FetchApplication,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (incoming, outgoing) => {
    void answer(application, incoming, outgoing).catch((error: unknown) => {
      application.failed(error);
      if (outgoing.headersSent) outgoing.destroy();
      else {
        for (const name of outgoing.getHeaderNames()) outgoing.removeHeader(name);
        outgoing.writeHead(500, { "Content-Type": "text/plain" }).end("Internal Server Error\n");
      }
    });
  };
}

async function answer(
  { requestOf, fetch }: FetchApplication,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  if (FORBIDDEN.has(incoming.method ?? "")) return void outgoing.writeHead(501).end();
  const controller = new AbortController();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) controller.abort();
  });
  const hasBody = incoming.method !== "GET" && incoming.method !== "HEAD";
  const request = requestOf(incoming, {
    body: hasBody ? Readable.toWeb(incoming) as ReadableStream<Uint8Array> : undefined,
    signal: controller.signal,
  });
  const response = await fetch(request);
  if (!(response instanceof Response)) {
    throw new TypeError("Cannot use the result of fetch(): return a Response.");
  }
  if (outgoing.destroyed) return void await response.body?.cancel();
  await send(response, incoming.method === "HEAD", outgoing);
}

// Headers about the connection and the framing of the message, which node:http sets.
const FRAMING: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "content-length",
  "transfer-encoding",
  "date",
]);

async function send(response: Response, headOnly: boolean, outgoing: ServerResponse): Promise<void> {
  const { status, body, headers } = response;
  if (status < 200) {
    throw new TypeError(`Cannot answer with status ${status}: to accept a WebSocket, return no Response.`);
  }
  outgoing.statusCode = status;
  for (const [name, value] of headers) if (!FRAMING.has(name)) outgoing.appendHeader(name, value);
  // RFC 9110, section 7.8: "A sender of Upgrade MUST also send an "Upgrade" connection option".
  if (headers.has("upgrade")) outgoing.setHeader("Connection", "close, Upgrade");
  else if (/\bclose\b/i.test(headers.get("connection") ?? "")) outgoing.shouldKeepAlive = false;
  const declared = lengthIn(headers);
  if (declared !== undefined && (body !== null || headOnly)) outgoing.setHeader("Content-Length", declared);
  if (body === null) return void outgoing.end();
  const reader = body.getReader();
  outgoing.once("close", () => void reader.cancel().catch(() => {}));
  let next = reader.read();
  let sent = 0;
  for (let first = true;; first = false) {
    const { done, value } = await next;
    if (done) break;
    sent += value.length;
    next = reader.read();
    // A body of one piece that is already complete gets a Content-Length. To HEAD, node:http sends no body.
    if (first && await isOver(next)) {
      outgoing.setHeader("Content-Length", value.length);
      return void outgoing.end(value);
    }
    if (headOnly) {
      outgoing.end();
      return void await reader.cancel();
    }
    if (declared !== undefined && sent > declared) break;
    if (!outgoing.write(value)) await room(outgoing);
    // The reader was cancelled.
    if (outgoing.destroyed) return void next.catch(() => {});
  }
  // A message of another length than it says would be read together with the next one.
  if (declared !== undefined && sent !== declared) {
    throw new TypeError(
      `Cannot send this body: its Content-Length is ${declared}, and it is ${
        sent > declared ? "longer" : "shorter"
      }.`,
    );
  }
  outgoing.end();
}

function lengthIn(headers: Headers): number | undefined {
  const declared = headers.get("content-length");
  return declared !== null && /^\d{1,15}$/.test(declared) ? Number(declared) : undefined;
}

/** Whether a read has already shown the end. */
async function isOver(next: Promise<{ done: boolean }>): Promise<boolean> {
  const turn = new Promise<{ done: false }>((resolve) => setImmediate(() => resolve({ done: false })));
  return (await Promise.race([next, turn])).done;
}

/** Resolves when a response takes more, or is over. */
function room(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      outgoing.off("drain", settle);
      outgoing.off("close", settle);
      resolve();
    };
    outgoing.on("drain", settle);
    outgoing.on("close", settle);
  });
}
