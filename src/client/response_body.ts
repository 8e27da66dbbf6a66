/**
 * The beginning of the body of a response that refuses the handshake: most servers and proxies say there what is
 * wrong.
 *
 * @module
 */
import { ChunkedReader } from "../http/chunked.ts";
import { listElements, toAsciiLowerCase } from "../http/header_fields.ts";
import type { ResponseHead } from "../http/head.ts";
import { printable } from "../http/printable.ts";
import { concat } from "../protocol/bytes.ts";

const MAX_BODY_SIZE = 4096;
// Do not wait long: a server without WebSocket support may keep the connection open.
const BODY_TIMEOUT = 1000;

/** Reads up to 4 KiB of a body and waits at most a second. */
export class ResponseBody {
  readonly #head: ResponseHead;
  readonly #expected: number;
  readonly #chunks: ChunkedReader | undefined;
  readonly #onRead: () => void;
  readonly #timer: ReturnType<typeof setTimeout>;
  #bytes: Uint8Array = new Uint8Array(0);

  /** Reads the body that follows this head; calls `onRead` when enough has come or time is up. */
  constructor(head: ResponseHead, onRead: () => void) {
    this.#head = head;
    this.#onRead = onRead;
    this.#expected = expectedSize(head);
    this.#chunks = isChunked(head) ? new ChunkedReader() : undefined;
    this.#timer = setTimeout(onRead, BODY_TIMEOUT);
  }

  /** Takes received bytes. Call it once right away with what came after the head, even if that is empty. */
  push(bytes: Uint8Array): void {
    const pieces = [this.#bytes];
    let size = this.#bytes.length;
    for (const piece of this.#chunks?.read(bytes) ?? [bytes]) {
      const taken = piece.subarray(0, this.#expected - size);
      pieces.push(taken);
      size += taken.length;
      if (size === this.#expected) break;
    }
    this.#bytes = concat(pieces, size);
    if (size === this.#expected || this.#chunks?.done) this.#onRead();
  }

  /** Stops waiting. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  /** The beginning of the body; `undefined` if there is none. */
  get text(): string | undefined {
    return this.#bytes.length > 0 ? new TextDecoder().decode(this.#bytes) : undefined;
  }

  /** The text of a plain-text body, to append to an error message; otherwise empty. */
  get said(): string {
    const { text } = this;
    const isPlainText = this.#head.headers.get("content-type")?.startsWith("text/plain") ?? false;
    return text === undefined || !isPlainText ? "" : ` It says: ${printable(text)}`;
  }
}

/** How many bytes of the body to read. */
function expectedSize({ status, headers }: ResponseHead): number {
  // RFC 9112, section 6.3: "any response with a 1xx (Informational), 204 (No Content), or 304 (Not Modified) status
  // code is always terminated by the first empty line after the header fields".
  if (status < 200 || status === 204 || status === 304) return 0;
  // RFC 9112, section 6.3: "the Transfer-Encoding overrides the Content-Length".
  if (headers.count("transfer-encoding") > 0) return MAX_BODY_SIZE;
  const lengths = listElements(headers.get("content-length"));
  const [length] = lengths;
  // RFC 9112, section 6.3: repeated equal lengths count as one. An invalid length says nothing about the body: read
  // until the connection ends or the limit is reached.
  const isKnown = length !== undefined && lengths.every((each) => each === length) && /^[0-9]+$/.test(length);
  return isKnown ? Math.min(Number(length), MAX_BODY_SIZE) : MAX_BODY_SIZE;
}

function isChunked({ headers }: ResponseHead): boolean {
  return toAsciiLowerCase(listElements(headers.get("transfer-encoding")).at(-1) ?? "") === "chunked";
}
