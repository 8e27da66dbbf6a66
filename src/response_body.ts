/**
 * The beginning of the body of a response that is no acceptance: most servers and proxies say there what is wrong.
 *
 * @module
 */
import type { ResponseHead } from "./handshake/http_head.ts";
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
    const length = Number(head.headers.get("content-length") ?? MAX_BODY_SIZE);
    this.#expected = length < MAX_BODY_SIZE ? length : MAX_BODY_SIZE;
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

/** What a peer said, fit for a log: no control characters, no more than a few lines. */
export function printable(text: string): string {
  let result = "";
  for (const character of text.trim().slice(0, 600)) {
    const code = character.codePointAt(0)!;
    result += code < 0x20 || (code >= 0x7f && code < 0xa0) ? " " : character;
  }
  return result;
}
