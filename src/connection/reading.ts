/**
 * Whether a stream is read or paused. Only this decides it: the opening handshake and the queue of received messages
 * ask here, and nobody else pauses or resumes a transport or a decoder.
 *
 * @module
 */
import { inMicrotask } from "../support/microtask.ts";
import type { Transport } from "../transport/transport.ts";

/**
 * Why reading is paused. "early bytes": too many came before the opening handshake was answered. "receive queue": the
 * application is too slow. "one at a time": the application gets each message before the next is parsed; the
 * transport is paused only if more bytes come meanwhile.
 */
export type Hold = "early bytes" | "receive queue" | "one at a time";

/** Parses frames, once the opening handshake is done. */
export interface FrameReader {
  /** Whether received bytes wait to be parsed. */
  readonly keepsBytes: boolean;
  /** Parse no frame after the current one. */
  pauseFrames(): void;
  /** Parse the held-back bytes until the next pause. */
  resumeFrames(): void;
}

/** The pause state of one stream. While any reason holds it, nothing is read, and nothing already read is parsed. */
export class Reading {
  readonly #transport: Transport;
  readonly #holds: Set<Hold> = new Set();
  #frames: FrameReader | undefined;
  #transportPaused = false;
  // Received bytes are read and discarded, and nothing can pause that.
  #discarding = false;

  /** For a transport that is being read. `frames` parses its bytes, if the opening handshake is done. */
  constructor(transport: Transport, frames?: FrameReader) {
    this.#transport = transport;
    this.#frames = frames;
  }

  /** Whether reading is paused. */
  get held(): boolean {
    return this.#holds.size > 0;
  }

  /** The opening handshake is done: frames follow. */
  framesBegin(frames: FrameReader): void {
    this.#frames = frames;
    if (this.held) frames.pauseFrames();
  }

  /** Adds a reason to pause. Returns whether the transport was being read until now. */
  hold(reason: Hold): boolean {
    if (this.#discarding) return false;
    this.#holds.add(reason);
    this.#frames?.pauseFrames();
    return reason !== "one at a time" && this.#pauseTransport();
  }

  /** Bytes arrived. If reading is paused, pause the transport too. */
  bytesCame(): void {
    if (this.held) this.#pauseTransport();
  }

  /** Returns whether the transport was being read. */
  #pauseTransport(): boolean {
    if (this.#transportPaused) return false;
    this.#transportPaused = true;
    this.#transport.pause();
    return true;
  }

  /** Removes a reason. Reading resumes when none is left. */
  release(reason: Hold): void {
    if (!this.#holds.delete(reason) || this.held) return;
    // Held-back bytes are not parsed inside the call of someone who is just taking a message.
    if (this.#frames?.keepsBytes) inMicrotask(() => this.#readOn());
    else this.#readOn();
  }

  /** As {@linkcode release}, but parses within the call. */
  releaseAtOnce(reason: Hold): void {
    if (this.#holds.delete(reason)) this.#readOn();
  }

  /** From now on everything is read and discarded. */
  discard(): void {
    this.#discarding = true;
    this.#holds.clear();
    this.#transport.resume();
  }

  #readOn(): void {
    if (this.held || this.#discarding) return;
    this.#frames?.resumeFrames();
    // The held-back bytes may have paused it again.
    if (this.held || !this.#transportPaused) return;
    this.#transportPaused = false;
    this.#transport.resume();
  }
}
