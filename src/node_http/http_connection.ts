/**
 * An HTTP connection of the application: its requests, what its peer owes and until when, and how it leaves `node:http`.
 *
 * @module
 */
import type { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { now } from "../support/clock.ts";
import type { Transport } from "../transport/transport.ts";
import { TransportStream } from "./transport_stream.ts";

/** Milliseconds that an HTTP connection may wait for its peer. `Infinity` for no limit. */
export interface HttpTimeouts {
  /** For the head of a request, from its first byte. */
  readonly head: number;
  /** For a request with its body, from its head. Does not count while the application does not read. */
  readonly request: number;
  /** Between two requests. */
  readonly keepAlive: number;
}

/** The side of an HTTP connection that decides for it. */
export interface HttpOwner {
  /** The time limits. */
  readonly timeouts: HttpTimeouts;
  /** Whether each connection closes after its current response. */
  readonly closing: boolean;
  /** The peer did not send a request in time. */
  expired(connection: HttpConnection, what: "head" | "body"): void;
  /** The transport of a connection is over, and was not taken back. */
  closed(connection: HttpConnection, address: string): void;
}

/** The stream that `node:http` and the application get as their socket. */
export class HttpConnection extends TransportStream {
  /** When the peer must have sent what it owes: milliseconds of the clock. */
  due: number;
  /** The place among the connections of its owner. */
  place = -1;
  readonly #owner: HttpOwner;
  // Bun goes on filling the body of a request that is full.
  #bodyFull = false;
  // What comes is no longer for node:http: it is for an upgrade, or for nobody.
  #leaving: "no" | "upgrade" | "refused" = "no";
  // What the peer owes: the next request, the rest of a head, or of a body; or what another listener does with an upgrade.
  #owes: "request" | "head" | "body" | "upgrade" = "request";
  #request: IncomingMessage | undefined;
  #response: ServerResponse | undefined;
  // Requests that have not been answered.
  #open = 0;
  #whenAnswered: (() => void) | undefined;
  // Set while an upgrade is left to the application's listeners; and the bytes that had been sent before.
  #unclaimed: (() => void) | undefined;
  #writtenBefore = 0;

  /** Continues on this transport, from which `early` was read; `ended`: to its end. */
  constructor(transport: Transport, early: Uint8Array, ended: boolean, owner: HttpOwner) {
    super(transport, early, ended);
    this.#owner = owner;
    this.due = now() + owner.timeouts.head;
  }

  /** Whether a response can be sent that is none to an earlier request, and of which nothing has been sent. */
  get answerable(): boolean {
    return this.#open === 0 || (this.#open === 1 && !this.#response!.headersSent);
  }

  /** `node:http` has read a head, and gives the request to the application. */
  began(request: IncomingMessage, response: ServerResponse): void {
    this.#open++;
    this.#request = request;
    this.#response = response;
    this.#owes = "body";
    this.due = now() + this.#owner.timeouts.request;
    if (this.#owner.closing) response.shouldKeepAlive = false;
    response.once("close", () => this.#answered());
  }

  /** Whether the connection leaves `node:http`: what it still reads is for nobody. */
  get leaving(): boolean {
    return this.#leaving !== "no";
  }

  /**
   * The connection leaves `node:http`, and calls back once every request has been answered; at once if none is open; never
   * if the connection is over by then. What the peer sends meanwhile is kept for an upgrade, up to what this stream
   * holds, and discarded after a refusal. A peer that ends its side meanwhile has left: after some of these
   * requests `node:http` would not notice.
   */
  leave(how: "upgrade" | "refused", call: () => void): void {
    this.#leaving = how;
    this.due = now() + this.#owner.timeouts.request;
    if (how === "refused") this.resume();
    if (this.#open > 0) this.#whenAnswered = call;
    else if (this.canBeReleased) call();
  }

  /** An upgrade is left to the application's listeners. If they do nothing about it in time, calls back. */
  leaveToOthers(unclaimed: () => void): void {
    this.#leaving = "no";
    this.#owes = "upgrade";
    this.#unclaimed = unclaimed;
    this.#writtenBefore = this.bytesWritten;
    this.due = now() + this.#owner.timeouts.head;
  }

  /** What came with an upgrade is read once more, as an ordinary request. */
  reread(): void {
    this.#leaving = "no";
    this.#unclaimed = undefined;
    this.#owes = "head";
    this.due = now() + this.#owner.timeouts.head;
  }

  /** No more requests: ends now, or after the response to the last one. */
  finish(): void {
    if (this.#owes === "upgrade" || this.leaving) return;
    if (this.#open === 0) this.destroySoon();
    else if (this.#response?.headersSent === false) this.#response.shouldKeepAlive = false;
  }

  /** What `node:http` does when a socket times out: whoever wants to know decides, or the connection ends. */
  inactive(server: EventEmitter): void {
    const told = [this.#request, this.#response, server].filter((each) => each?.emit("timeout", this));
    if (told.length === 0) this.destroy();
  }

  /** Looks at the deadlines. */
  check(time: number): void {
    this.lookAtClock(time);
    if (this.#bodyIsOver()) this.#owesNothing();
    if (time < this.due || this.destroyed) return;
    // It still waits for the application's response to an earlier request.
    if (this.leaving) this.abort();
    else if (this.#owes === "body" && this.#request!.complete) this.#owesNothing();
    else if (this.#owes === "body" && this.#open > 0 && (this.#bodyFull || this.readableFlowing !== true)) {
      this.due = time + this.#owner.timeouts.request;
    } else if (this.#owes === "request") this.destroySoon();
    else if (this.#owes === "upgrade") this.#othersAreLate();
    else this.#owner.expired(this, this.#owes);
  }

  protected override get patience(): number {
    return this.#owner.timeouts.request;
  }

  protected override get wantsMore(): boolean {
    return !this.#bodyFull;
  }

  protected override transportClosed(address: string): void {
    this.#owner.closed(this, address);
  }

  protected override peerEnded(): void {
    if (this.leaving) this.abort();
    else super.peerEnded();
  }

  protected override received(chunk: Uint8Array): void {
    if (this.#leaving === "refused") return;
    if (this.#bodyIsOver()) this.#owesNothing();
    if (this.#open === 0 && this.#owes === "request") {
      this.#owes = "head";
      this.due = now() + this.#owner.timeouts.head;
    }
    super.received(chunk);
    const body = this.#owes === "body" ? this.#request! : undefined;
    this.#bodyFull = body !== undefined && body.readableLength > body.readableHighWaterMark;
    this.pauseOrResume();
  }

  /** Requests call it when their body may go on. */
  override resume(): this {
    super.resume();
    this.#bodyFull = false;
    this.pauseOrResume();
    return this;
  }

  override _final(done: () => void): void {
    // Engine.IO ends the connection of an upgrade that is for nobody, without an answer.
    if (!this.#isUnclaimed()) return super._final(done);
    this.#othersAreLate();
    done();
  }

  #answered(): void {
    this.#open--;
    if (this.#open > 0) return;
    if (this.#request!.complete) this.#owesNothing();
    else if (this.#request!.listenerCount("data") + this.#request!.listenerCount("readable") === 0) {
      // Nobody wants the rest of the body.
      this.#request!.resume();
    }
    const call = this.#whenAnswered;
    this.#whenAnswered = undefined;
    if (call === undefined) {
      if (this.#owner.closing) this.destroySoon();
    } else if (this.canBeReleased) call();
  }

  /** Whether no listener has answered an upgrade that was left to them, nor reads what comes. */
  #isUnclaimed(): boolean {
    return this.#unclaimed !== undefined && this.bytesWritten === this.#writtenBefore &&
      this.listenerCount("data") + this.listenerCount("readable") === 0;
  }

  #othersAreLate(): void {
    this.due = Infinity;
    const unclaimed = this.#isUnclaimed() ? this.#unclaimed : undefined;
    this.#unclaimed = undefined;
    unclaimed?.();
  }

  /** Whether a request was answered before its body was over, and the body is over by now. */
  #bodyIsOver(): boolean {
    return this.#open === 0 && this.#owes === "body" && this.#request!.complete;
  }

  /** All of the last request has arrived. */
  #owesNothing(): void {
    if (this.#open > 0) this.due = Infinity;
    else {
      this.#owes = "request";
      this.due = now() + this.#owner.timeouts.keepAlive;
    }
  }
}
