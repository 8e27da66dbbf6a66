/**
 * Whether what comes on one stream is read: the one place where that is decided. The opening handshake and the queue of
 * received messages say what they have to say here; nobody else pauses or resumes a transport or a decoder.
 *
 * @module
 */
import { inMicrotask } from "../support/microtask.ts";
import type { Transport } from "../transport/transport.ts";

/**
 * Why nothing is read: more came before the opening handshake was answered than is kept; the application is behind; or it
 * is to have each message before the next is looked at, and the stream is not paused unless more comes meanwhile.
 */
export type Hold = "early bytes" | "receive queue" | "one at a time";

/** What takes frames out of the bytes, once the opening handshake is done. */
export interface FrameReader {
  /** Whether bytes that have come wait to be read. */
  readonly keepsBytes: boolean;
  /** Take no frame more than the one at hand. */
  pauseFrames(): void;
  /** Read what was kept, as far as the next pause. */
  resumeFrames(): void;
}

/** Reading on one stream: as long as somebody holds it, nothing is read, nor taken out of what has been read already. */
export class Reading {
  readonly #transport: Transport;
  readonly #holds: Set<Hold> = new Set();
  #frames: FrameReader | undefined;
  #transportPaused = false;
  // Nobody wants what comes: it is read and thrown away, and nobody can hold that up.
  #discarding = false;

  /** Of this transport, which is being read; `frames` is who takes them, if the opening handshake is done. */
  constructor(transport: Transport, frames?: FrameReader) {
    this.#transport = transport;
    this.#frames = frames;
  }

  /** Whether nothing is read. */
  get held(): boolean {
    return this.#holds.size > 0;
  }

  /** The opening handshake is done: frames come from now on. */
  framesBegin(frames: FrameReader): void {
    this.#frames = frames;
    if (this.held) frames.pauseFrames();
  }

  /** Reads no more, for one reason more. Answers whether the transport was being read until now. */
  hold(reason: Hold): boolean {
    if (this.#discarding) return false;
    this.#holds.add(reason);
    this.#frames?.pauseFrames();
    return reason !== "one at a time" && this.#pauseTransport();
  }

  /** Bytes come: if nothing is to be read, they are the last. */
  bytesCame(): void {
    if (this.held) this.#pauseTransport();
  }

  /** Answers whether the transport was being read. */
  #pauseTransport(): boolean {
    if (this.#transportPaused) return false;
    this.#transportPaused = true;
    this.#transport.pause();
    return true;
  }

  /** Reads on, unless another reason is against it. */
  release(reason: Hold): void {
    if (!this.#holds.delete(reason) || this.held) return;
    // What was kept is not read within the call of somebody who is just taking a message.
    if (this.#frames?.keepsBytes) inMicrotask(() => this.#readOn());
    else this.#readOn();
  }

  /** As {@linkcode release}, within the call. */
  releaseAtOnce(reason: Hold): void {
    if (this.#holds.delete(reason)) this.#readOn();
  }

  /** From now on all that comes is read, to be thrown away. */
  discard(): void {
    this.#discarding = true;
    this.#holds.clear();
    this.#transport.resume();
  }

  #readOn(): void {
    if (this.held || this.#discarding) return;
    this.#frames?.resumeFrames();
    // It may have been held again by what was kept.
    if (this.held || !this.#transportPaused) return;
    this.#transportPaused = false;
    this.#transport.resume();
  }
}
