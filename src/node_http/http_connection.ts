/**
 * An HTTP connection of the application: a Node-style stream over a transport, on which `node:http` reads requests and
 * writes responses.
 *
 * @module
 */
import type { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Duplex } from "node:stream";
import { now } from "../support/clock.ts";
import { closeLingering } from "../transport/lingering_close.ts";
import type { Transport, TransportError } from "../transport/transport.ts";

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
  /** The transport of a connection is over, unless it was taken back. */
  closed(connection: HttpConnection): void;
}

/** A transport that was taken back. */
export interface Released {
  /** The transport. */
  readonly transport: Transport;
  /** What was received and not read. */
  readonly rest: Uint8Array;
  /** Whether the peer has ended its side after that. */
  readonly ended: boolean;
}

/** Marks errors of the peer, as `net.Socket` does: `node:http` does not report them. */
class ConnectionReset extends Error {
  /** As Node spells it. */
  readonly code: string = "ECONNRESET";
}

/** The stream that `node:http` and the application get as their socket. It is no `net.Socket`. */
export class HttpConnection extends Duplex {
  /** The peer's IP address; `undefined` if there is none. */
  readonly remoteAddress: string | undefined;
  /** Whether the connection is encrypted. */
  readonly encrypted: boolean;
  /** As on a `net.Socket`. */
  readonly connecting: boolean = false;
  /** Bytes received. */
  bytesRead = 0;
  /** Bytes sent. */
  bytesWritten = 0;
  /** When the peer must have sent what it owes: milliseconds of the clock. */
  due: number;
  /** The place among the connections of its owner. */
  place = -1;
  readonly #owner: HttpOwner;
  #transport: Transport | undefined;
  #waitingForRoom: (() => void) | undefined;
  // What waited to be sent when some of it last went.
  #waiting = 0;
  #movedAt = 0;
  // Reasons to read no more: this stream is full, or the body of the request, which Bun goes on filling, or what comes
  // is no longer for node:http.
  #full = false;
  #bodyFull = false;
  #leaving = false;
  #ended: boolean;
  readonly #highWaterMark: number | undefined;
  // What the peer owes: the next request, the rest of a head, or of a body; or what another listener does with an upgrade.
  #owes: "request" | "head" | "body" | "upgrade" = "request";
  #request: IncomingMessage | undefined;
  #response: ServerResponse | undefined;
  // Requests that have not been answered.
  #open = 0;
  #whenAnswered: (() => void) | undefined;
  // Set while an upgrade is left to the application's listeners, and none has done anything about it.
  #unclaimed: (() => void) | undefined;
  #stopLingering: (() => void) | undefined;
  #inactivity: { readonly limit: number; last: number } | undefined;

  /** Continues on this transport, from which `early` was read; `ended`: to its end. */
  constructor(transport: Transport, early: Uint8Array, ended: boolean, owner: HttpOwner) {
    super({ decodeStrings: false });
    this.#transport = transport;
    this.#owner = owner;
    this.#ended = ended;
    // A response has gone out when all of it has.
    this.#highWaterMark = transport.highWaterMark;
    if (this.#highWaterMark !== undefined) transport.highWaterMark = 0;
    this.remoteAddress = transport.remoteAddress === "" ? undefined : transport.remoteAddress;
    this.encrypted = transport.encrypted;
    this.due = now() + owner.timeouts.head;
    // Between its listeners, a failure of the peer must not end the process.
    this.on("error", () => {});
    this.push(early);
    if (ended) this.push(null);
    this.bytesRead = early.length;
    transport.attach({
      data: (chunk) => this.#received(chunk),
      drain: () => this.#drained(),
      end: () => {
        this.#ended = true;
        if (!this.destroyed) this.push(null);
      },
      close: (error) => this.#closed(error),
    });
  }

  /** Whether a response can be sent that is none to an earlier request, and of which nothing has been sent. */
  get answerable(): boolean {
    return this.#open === 0 || (this.#open === 1 && !this.#response!.headersSent);
  }

  /** As on a `net.Socket`. */
  get readyState(): string {
    return this.destroyed ? "closed" : this.writable ? "open" : "readOnly";
  }

  /** The peer's address family. */
  get remoteFamily(): string | undefined {
    return this.remoteAddress === undefined ? undefined : this.remoteAddress.includes(":") ? "IPv6" : "IPv4";
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
    return this.#leaving;
  }

  /**
   * The connection leaves `node:http`: reads nothing more, and calls back once every request has been answered; at once if
   * none is open; never if the connection is over by then.
   */
  leave(call: () => void): void {
    this.#leaving = true;
    this.#pauseOrResume();
    if (this.#open > 0) this.#whenAnswered = call;
    else if (this.#canBeReleased()) call();
  }

  #canBeReleased(): boolean {
    return this.#transport !== undefined && !this.destroyed && !this.writableEnded;
  }

  /** An upgrade is left to the application's listeners. If they do nothing about it in time, calls back. */
  leaveToOthers(unclaimed: () => void): void {
    this.#leaving = false;
    this.#pauseOrResume();
    this.#owes = "upgrade";
    this.#unclaimed = unclaimed;
    this.due = now() + this.#owner.timeouts.head;
  }

  /** What came with an upgrade is read once more, as an ordinary request. */
  reread(): void {
    this.#leaving = false;
    this.#unclaimed = undefined;
    this.#owes = "head";
    this.due = now() + this.#owner.timeouts.head;
    this.#pauseOrResume();
  }

  /** Drops the connection. */
  abort(): void {
    this.#transport?.abort();
    this.destroy();
  }

  /** No more requests: ends now, or after the response to the last one. */
  finish(): void {
    if (this.#owes === "upgrade" || this.#leaving) return;
    if (this.#open === 0) this.destroySoon();
    else if (this.#response?.headersSent === false) this.#response.shouldKeepAlive = false;
  }

  /** Takes the transport back, with the bytes that were received and not read. The stream is over. */
  release(): Released {
    const transport = this.#transport!;
    this.#transport = undefined;
    const chunks: Uint8Array[] = [];
    for (let chunk: Uint8Array | null; (chunk = this.read()) !== null;) chunks.push(chunk);
    this.destroy();
    if (this.#highWaterMark !== undefined) transport.highWaterMark = this.#highWaterMark;
    transport.resume();
    return { transport, rest: Buffer.concat(chunks), ended: this.#ended };
  }

  /** What `node:http` does when a socket times out: whoever wants to know decides, or the connection ends. */
  inactive(server: EventEmitter): void {
    const told = [this.#request, this.#response, server].filter((each) => each?.emit("timeout", this));
    if (told.length === 0) this.destroy();
  }

  /** A deadline is over, unless the peer owes nothing. */
  check(time: number): void {
    if (this.#inactivity !== undefined && time - this.#inactivity.last >= this.#inactivity.limit) {
      this.#inactivity.last = time;
      this.emit("timeout");
    }
    if (this.#isStalled(time)) this.abort();
    if (time < this.due || this.destroyed) return;
    if (this.#owes === "body" && this.#request!.complete) this.#owesNothing();
    else if (this.#owes === "body" && (this.#bodyFull || this.readableFlowing !== true)) {
      this.due = time + this.#owner.timeouts.request;
    } else if (this.#owes === "request") this.destroySoon();
    else if (this.#owes === "upgrade") this.#othersAreLate();
    else this.#owner.expired(this, this.#owes);
  }

  /** As on a `net.Socket`: ends after what was written. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  /** As on a `net.Socket`: fires `timeout` after this many milliseconds without traffic; 0 for never. */
  setTimeout(limit: number, listener?: () => void): this {
    this.#inactivity = limit > 0 ? { limit, last: now() } : undefined;
    if (listener !== undefined && limit > 0) this.once("timeout", listener);
    else if (listener !== undefined) this.removeListener("timeout", listener);
    return this;
  }

  /** As on a `net.Socket`. Nagle's algorithm is off. */
  setNoDelay(): this {
    return this;
  }

  /** As on a `net.Socket`. Without effect. */
  setKeepAlive(): this {
    return this;
  }

  /** As on a `net.Socket`. Without effect: the server keeps the process alive. */
  ref(): this {
    return this;
  }

  /** As on a `net.Socket`. Without effect. */
  unref(): this {
    return this;
  }

  /** As on a `net.Socket`: our address, which is not known. */
  address(): Record<never, never> {
    return {};
  }

  #received(chunk: Uint8Array): void {
    if (this.destroyed) return;
    this.bytesRead += chunk.length;
    this.#active();
    if (this.#open === 0 && this.#owes === "request") {
      this.#owes = "head";
      this.due = now() + this.#owner.timeouts.head;
    }
    // The chunk is borrowed.
    this.#full = !this.push(Buffer.from(chunk));
    const body = this.#owes === "body" ? this.#request! : undefined;
    this.#bodyFull = body !== undefined && body.readableLength > body.readableHighWaterMark;
    this.#pauseOrResume();
  }

  #pauseOrResume(): void {
    if (this.#full || this.#bodyFull || this.#leaving) this.#transport?.pause();
    else this.#transport?.resume();
  }

  #answered(): void {
    this.#open--;
    if (this.#open > 0) return;
    if (this.#request!.complete) this.#owesNothing();
    // Nobody wants the rest of the body.
    else this.#request!.resume();
    const call = this.#whenAnswered;
    this.#whenAnswered = undefined;
    if (call === undefined) {
      if (this.#owner.closing) this.destroySoon();
    } else if (this.#canBeReleased()) call();
  }

  /** Whether the peer has read nothing for as long as it may take for a request. */
  #isStalled(time: number): boolean {
    if (this.#waitingForRoom === undefined) return false;
    const { bufferedAmount } = this.#transport!;
    if (bufferedAmount < this.#waiting) this.#movedAt = time;
    this.#waiting = bufferedAmount;
    return time - this.#movedAt >= this.#owner.timeouts.request;
  }

  #othersAreLate(): void {
    this.due = Infinity;
    const unclaimed = this.#unclaimed;
    this.#unclaimed = undefined;
    if (this.listenerCount("data") + this.listenerCount("readable") === 0) unclaimed?.();
  }

  /** All of the last request has arrived. */
  #owesNothing(): void {
    if (this.#open > 0) this.due = Infinity;
    else {
      this.#owes = "request";
      this.due = now() + this.#owner.timeouts.keepAlive;
    }
  }

  #active(): void {
    if (this.#inactivity !== undefined) this.#inactivity.last = now();
  }

  #drained(): void {
    this.#active();
    const call = this.#waitingForRoom;
    this.#waitingForRoom = undefined;
    call?.();
  }

  #closed(error: TransportError | undefined): void {
    this.#transport = undefined;
    this.#stopLingering?.();
    this.#owner.closed(this);
    if (this.destroyed) return;
    if (error === undefined) this.destroy();
    else this.destroy(new ConnectionReset(error.message));
  }

  override _read(): void {
    this.#full = false;
    this.#pauseOrResume();
  }

  /** Requests call it when their body may go on. */
  override resume(): this {
    super.resume();
    this.#bodyFull = false;
    this.#pauseOrResume();
    return this;
  }

  override _write(chunk: Uint8Array | string, encoding: BufferEncoding, done: () => void): void {
    // The transport keeps what it cannot send, and the caller may reuse its memory.
    const bytes = typeof chunk === "string" ? Buffer.from(chunk, encoding) : new Uint8Array(chunk);
    this.#send(bytes, done);
  }

  override _writev(
    pieces: { chunk: Uint8Array | string; encoding: BufferEncoding }[],
    done: () => void,
  ): void {
    const chunks = pieces.map(({ chunk, encoding }) =>
      typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk
    );
    this.#send(Buffer.concat(chunks), done);
  }

  #send(bytes: Uint8Array, done: () => void): void {
    this.#unclaimed = undefined;
    this.bytesWritten += bytes.length;
    this.#active();
    if (this.#transport === undefined || this.#transport.write(bytes)) return done();
    this.#waitingForRoom = done;
    this.#waiting = this.#transport.bufferedAmount;
    this.#movedAt = now();
  }

  override _final(done: () => void): void {
    // Engine.IO ends the connection of an upgrade that is for nobody, without an answer.
    if (this.#unclaimed !== undefined) this.#othersAreLate();
    else this.#transport?.closeWrite();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#waitingForRoom = undefined;
    const transport = this.#transport;
    if (transport !== undefined) {
      if (this.writableFinished || ofParser(error)) {
        this.#stopLingering = closeLingering(transport, this.#owner.timeouts.request);
        // What still comes is discarded.
        transport.resume();
      } else transport.abort();
    }
    done(error);
  }
}

/** Whether `node:http` failed the connection, for which it has written a response. */
function ofParser(error: Error | null): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^(?:HPE_|ERR_HTTP)/.test(code);
}
