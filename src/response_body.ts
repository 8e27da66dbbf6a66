/**
 * The beginning of the body of a response that is no acceptance: most servers and proxies say there what is wrong.
 *
 * @module
 */
import type { ResponseHead } from "./handshake/http_head.ts";
import { printable } from "./handshake/printable.ts";
import { concat } from "./protocol/bytes.ts";

const MAX_BODY_SIZE = 4096;
// A refusal's body is worth a moment, no more: a server that is no WebSocket's may keep the connection open.
const BODY_TIMEOUT = 1000;

/** Reads up to 4 KiB of a body, and waits for it no longer than a second. */
export class ResponseBody {
  readonly #head: ResponseHead;
  readonly #expected: number;
  readonly #onRead: () => void;
  readonly #timer: ReturnType<typeof setTimeout>;
  #bytes: Uint8Array = new Uint8Array(0);

  /** Reads the body behind this head; `onRead` is called when enough has come, or too much time has gone. */
  constructor(head: ResponseHead, onRead: () => void) {
    this.#head = head;
    this.#onRead = onRead;
    const length = head.headers.get("content-length") ?? "";
    // What is no length says nothing of the body: it ends with the connection, or is long enough.
    this.#expected = /^[0-9]{1,4}$/.test(length) ? Math.min(Number(length), MAX_BODY_SIZE) : MAX_BODY_SIZE;
    this.#timer = setTimeout(onRead, BODY_TIMEOUT);
  }

  /** Takes what has come. */
  push(chunk: Uint8Array): void {
    const size = Math.min(this.#expected, this.#bytes.length + chunk.length);
    this.#bytes = concat([this.#bytes, chunk.subarray(0, size - this.#bytes.length)], size);
    if (size >= this.#expected) this.#onRead();
  }

  /** Waits no longer. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  /** The beginning of the body; `undefined` if there is none. */
  get text(): string | undefined {
    return this.#bytes.length > 0 ? new TextDecoder().decode(this.#bytes) : undefined;
  }

  /** What a plain text says, as the end of an error's message; else nothing. */
  get said(): string {
    const { text } = this;
    const isPlainText = this.#head.headers.get("content-type")?.startsWith("text/plain") ?? false;
    return text === undefined || !isPlainText ? "" : ` It says: ${printable(text)}`;
  }
}
