/** A handler that writes down what happens, and notices whatever the contract forbids. */
import { deepEqual } from "node:assert/strict";
import type { Transport, TransportError, TransportHandler } from "../../src/transport/transport.ts";

/** What a test wants to do inside the callbacks. */
export interface Hooks {
  data?(chunk: Uint8Array): void;
  drain?(): void;
  end?(): void;
}

/** Owns a transport: all calls go through here, so that callbacks from inside them are noticed. */
export class Recorder implements TransportHandler {
  readonly transport: Transport;
  readonly log: string[] = [];
  readonly chunks: Uint8Array[] = [];
  readonly problems: string[] = [];
  total = 0;
  drains = 0;
  ended = false;
  closed = false;
  error: TransportError | undefined;
  #hooks: Hooks;
  #highWaterMark: number | undefined;
  #inside = 0;
  #asked = false;
  #sending = true;
  #waiting: { done: () => boolean; resolve: () => void }[] = [];

  constructor(transport: Transport, hooks: Hooks = {}, highWaterMark?: number) {
    this.transport = transport;
    this.#hooks = hooks;
    this.#highWaterMark = highWaterMark;
  }

  attach(): this {
    this.#call(() => this.transport.attach(this));
    return this;
  }

  write(bytes: Uint8Array | string): boolean {
    const piece = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    const took = this.#call(() => this.transport.write(piece));
    const buffered = this.transport.bufferedAmount;
    if (!took && !this.#sending) this.#problem("write() answered false after the end");
    if (!took) this.#asked = true;
    if (this.#sending && this.#highWaterMark !== undefined && took !== buffered <= this.#highWaterMark) {
      this.#problem(`write() answered ${took} with ${buffered} of ${this.#highWaterMark} bytes buffered`);
    }
    return took;
  }

  closeWrite(): void {
    this.#sending = false;
    this.#call(() => this.transport.closeWrite());
  }

  abort(): void {
    this.#sending = false;
    this.#call(() => this.transport.abort());
  }

  pause(): void {
    this.#call(() => this.transport.pause());
  }

  resume(): void {
    this.#call(() => this.transport.resume());
  }

  data(chunk: Uint8Array): void {
    this.#note("data");
    if (this.ended) this.#problem("data() after end()");
    if (chunk.length === 0) this.#problem("data() without bytes");
    this.chunks.push(new Uint8Array(chunk));
    this.total += chunk.length;
    this.#hooks.data?.(chunk);
    this.#wake();
  }

  drain(): void {
    this.#note("drain");
    if (!this.#asked) this.#problem("drain() unasked");
    if (this.transport.bufferedAmount !== 0) this.#problem("drain() with bytes still buffered");
    this.#asked = false;
    this.drains++;
    this.#hooks.drain?.();
    this.#wake();
  }

  end(): void {
    this.#note("end");
    if (this.ended) this.#problem("end() twice");
    this.ended = true;
    this.#hooks.end?.();
    this.#wake();
  }

  close(error?: TransportError): void {
    this.#note("close");
    this.closed = true;
    this.#sending = false;
    this.error = error;
    this.#wake();
  }

  /** All the bytes so far, as text. */
  get text(): string {
    return new TextDecoder().decode(this.bytes);
  }

  /** All the bytes so far. */
  get bytes(): Uint8Array {
    const all = new Uint8Array(this.total);
    let position = 0;
    for (const chunk of this.chunks) {
      all.set(chunk, position);
      position += chunk.length;
    }
    return all;
  }

  /** Waits until it is so; looks again after each event. */
  async until(done: () => boolean): Promise<void> {
    if (done()) return;
    await new Promise<void>((resolve) => this.#waiting.push({ done, resolve }));
  }

  /** Waits for this many bytes, or for the end of all. */
  async received(count: number): Promise<void> {
    await this.until(() => this.total >= count || this.closed);
  }

  /** Asserts that nothing happened that the contract forbids. */
  verify(): void {
    deepEqual(this.problems, []);
  }

  #call<Result>(call: () => Result): Result {
    this.#inside++;
    try {
      return call();
    } finally {
      this.#inside--;
    }
  }

  #note(event: string): void {
    if (this.closed) this.#problem(`${event}() after close()`);
    if (this.#inside > 0) this.#problem(`${event}() from inside a call of the owner's`);
    if (this.log.at(-1) !== event || event !== "data") this.log.push(event);
  }

  #problem(sentence: string): void {
    this.problems.push(sentence);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      if (one.done()) one.resolve();
      else this.#waiting.push(one);
    }
  }
}
