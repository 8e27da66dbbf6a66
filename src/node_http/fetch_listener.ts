/**
 * A `fetch` handler as a request listener of `node:http`: bodies are streamed both ways.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";

/** What makes and answers the requests. */
export interface FetchApplication {
  /** Makes the web `Request`. Throws if the request cannot be one. */
  requestOf(
    request: IncomingMessage,
    init: { readonly body: ReadableStream<Uint8Array> | undefined; signalOf(): AbortSignal },
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
      // What fails because the peer has left is no fault of the application.
      if (outgoing.destroyed) return;
      application.failed(error);
      if (outgoing.headersSent) outgoing.destroy();
      else {
        for (const name of outgoing.getHeaderNames()) outgoing.removeHeader(name);
        outgoing.writeHead(500, "Internal Server Error", { "Content-Type": "text/plain" });
        outgoing.end("Internal Server Error\n");
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
  // Few handlers look at the signal, and on Node a Request with one costs twice as much.
  let controller: AbortController | undefined;
  let left = false;
  outgoing.once("close", () => {
    left = !outgoing.writableFinished;
    if (left) controller?.abort();
  });
  const hasBody = incoming.method !== "GET" && incoming.method !== "HEAD";
  const request = requestOf(incoming, {
    body: hasBody ? bodyOf(incoming, outgoing) : undefined,
    signalOf() {
      controller ??= new AbortController();
      if (left) controller.abort();
      return controller.signal;
    },
  });
  const response = await fetch(request);
  if (!(response instanceof Response)) {
    throw new TypeError("Cannot use the result of fetch(): return a Response.");
  }
  if (outgoing.destroyed) return void await response.body?.cancel();
  await send(response, incoming.method === "HEAD", outgoing);
}

/** The body of a request, read as it is asked for. If nobody is waiting for it when the response has gone out, it is discarded. */
function bodyOf(incoming: IncomingMessage, outgoing: ServerResponse): ReadableStream<Uint8Array> {
  let controller: ReadableStreamDefaultController<Uint8Array>;
  let begun = false;
  let wanted = false;
  const onData = (chunk: Uint8Array): void => {
    incoming.pause();
    wanted = false;
    controller.enqueue(new Uint8Array(chunk));
  };
  const onEnd = (): void => {
    settle();
    controller.close();
  };
  const onFailure = (): void => {
    if (incoming.complete) return;
    settle();
    controller.error(new TypeError("The peer left before it had sent the whole body."));
  };
  const settle = (): void => {
    incoming.off("data", onData).off("end", onEnd).off("close", onFailure).off("error", onFailure);
  };
  const discard = (): void => {
    settle();
    if (!incoming.readableEnded) incoming.resume();
  };
  // Whoever reads to the end needs a moment from one piece to the next.
  outgoing.once("close", () =>
    setImmediate(() => {
      if (wanted || incoming.readableEnded) return;
      discard();
      controller.error(
        new TypeError("Cannot read this body: its response has gone out, or its peer has left."),
      );
    }));
  return new ReadableStream<Uint8Array>({
    start(given) {
      controller = given;
    },
    pull() {
      if (!begun) incoming.on("data", onData).on("end", onEnd).on("close", onFailure).on("error", onFailure);
      begun = true;
      wanted = true;
      incoming.resume();
    },
    cancel: discard,
  }, { highWaterMark: 0 });
}

// Headers about the connection and the framing of the message, which node:http sets.
const FRAMING: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "content-length",
  "transfer-encoding",
  "trailer",
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
  // The Fetch Standard gives a response the type of its body; Bun shows it only on a blob.
  const copy = "Bun" in globalThis && !headers.has("content-type") ? response.clone() : undefined;
  const reader = response.body!.getReader();
  outgoing.once("close", () => void reader.cancel().catch(() => {}));
  const { pieces, next } = await readWhatIsThere(reader);
  let sent = pieces.reduce((sum, each) => sum + each.length, 0);
  // A body that is complete at once gets its length.
  if (next === undefined) {
    const type = (await copy?.blob())?.type ?? "";
    if (type !== "") outgoing.setHeader("Content-Type", type);
    outgoing.setHeader("Content-Length", sent);
    return void outgoing.end(Buffer.concat(pieces));
  }
  void copy?.body?.cancel().catch(() => {});
  // To HEAD, node:http sends no body.
  if (headOnly) {
    outgoing.end();
    return void await reader.cancel();
  }
  for (const piece of pieces) outgoing.write(piece);
  for (let read = next; declared === undefined || sent <= declared; read = reader.read()) {
    const { done, value } = await read;
    if (done) break;
    sent += value.length;
    if (!outgoing.write(value)) await room(outgoing);
    if (outgoing.destroyed) return;
  }
  if (outgoing.destroyed) return;
  // A message of another length than it says would be read together with the next one.
  if (declared !== undefined && sent !== declared) {
    const wrong = sent > declared ? "longer" : "shorter";
    throw new TypeError(`Cannot send this body: its Content-Length is ${declared}, and it is ${wrong}.`);
  }
  outgoing.end();
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;
type Read = ReturnType<Reader["read"]>;

// A body that is in memory comes in pieces of 16 KiB on Bun.
const MOST_AT_ONCE = 64 * 1024;

/** Reads what a body has without waiting. `next` is the first read that has to wait; there is none at its end. */
async function readWhatIsThere(reader: Reader): Promise<{ pieces: Uint8Array[]; next: Read | undefined }> {
  const turn = new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)));
  const pieces: Uint8Array[] = [];
  for (let size = 0;;) {
    const next = reader.read();
    const read = size < MOST_AT_ONCE ? await Promise.race([next, turn]) : undefined;
    if (read === undefined) return { pieces, next };
    if (read.done) return { pieces, next: undefined };
    pieces.push(read.value);
    size += read.value.length;
  }
}

function lengthIn(headers: Headers): number | undefined {
  const declared = headers.get("content-length");
  return declared !== null && /^\d{1,15}$/.test(declared) ? Number(declared) : undefined;
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
