/**
 * A Node-style stream over a transport, with what `node:http` and applications use of a `net.Socket`.
 *
 * @module
 */
import { Duplex } from "node:stream";
import { now } from "../support/clock.ts";
import { closeLingering } from "../transport/lingering_close.ts";
import type { ClientCertificate, Transport, TransportError } from "../transport/transport.ts";

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

/** A stream over a transport. It is no `net.Socket`. */
export abstract class TransportStream extends Duplex {
  /** The peer's IP address; `undefined` if there is none. */
  get remoteAddress(): string | undefined {
    return this.#address === "" ? undefined : this.#address;
  }

  /** Whether the connection is encrypted. */
  readonly encrypted: boolean;
  /** The client's verified certificate. */
  readonly clientCertificate: ClientCertificate | undefined;
  /** As on a `net.Socket`. */
  readonly connecting: boolean = false;
  /** Bytes received. */
  bytesRead = 0;
  /** Bytes sent. */
  bytesWritten = 0;
  readonly #address: string;
  #transport: Transport | undefined;
  readonly #highWaterMark: number | undefined;
  #full = false;
  #ended: boolean;
  #waitingForRoom: ((error?: Error) => void) | undefined;
  // What waited to be sent when some of it last went, and when that was.
  #waiting = 0;
  #movedAt = 0;
  #stopLingering: (() => void) | undefined;
  #inactivity: { readonly limit: number; last: number } | undefined;

  /** Continues on this transport, from which `early` was read; `ended`: to its end. */
  constructor(transport: Transport, early: Uint8Array, ended: boolean) {
    super({ decodeStrings: false });
    this.#transport = transport;
    this.#ended = ended;
    // A response has gone out when all of it has.
    this.#highWaterMark = transport.highWaterMark;
    if (this.#highWaterMark !== undefined) transport.highWaterMark = 0;
    this.#address = transport.remoteAddress;
    this.encrypted = transport.encrypted;
    this.clientCertificate = transport.clientCertificate;
    // Between its listeners, a failure of the peer must not end the process.
    this.on("error", () => {});
    this.push(early);
    if (ended) this.push(null);
    this.bytesRead = early.length;
    transport.attach({
      data: (chunk) => {
        if (!this.destroyed) this.received(chunk);
      },
      drain: () => this.#drained(),
      end: () => {
        this.#ended = true;
        if (!this.destroyed) this.peerEnded();
      },
      close: (error) => this.#closed(error),
    });
  }

  /** Milliseconds for which the peer may read nothing of what waits for it. */
  protected abstract get patience(): number;

  /** Whether more should be read, as far as this stream has room. */
  protected abstract get wantsMore(): boolean;

  /** The transport of this address is over, and was not taken back. */
  protected abstract transportClosed(address: string): void;

  /** Whether the transport can be taken back: it is there, and its sending side is open. */
  protected get canBeReleased(): boolean {
    return this.#transport !== undefined && !this.destroyed && !this.writableEnded;
  }

  /** Bytes have come; they are borrowed. */
  protected received(chunk: Uint8Array): void {
    this.bytesRead += chunk.length;
    this.#active();
    this.#full = !this.push(Buffer.from(chunk));
  }

  /** The peer has ended its side. */
  protected peerEnded(): void {
    this.push(null);
  }

  /** Reads, or does not. To be called when {@linkcode wantsMore} may have changed. */
  protected pauseOrResume(): void {
    if (this.#full || !this.wantsMore) this.#transport?.pause();
    else this.#transport?.resume();
  }

  /** Looks at the time: fires `timeout`, and drops a connection whose peer reads nothing. */
  protected lookAtClock(time: number): void {
    if (this.#inactivity !== undefined && time - this.#inactivity.last >= this.#inactivity.limit) {
      this.#inactivity.last = time;
      this.emit("timeout");
    }
    if (this.#isStalled(time)) this.abort();
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

  /** Drops the connection. */
  abort(): void {
    this.#transport?.abort();
    this.destroy();
  }

  /** As on a `net.Socket`. */
  get readyState(): string {
    return this.destroyed ? "closed" : this.writable ? "open" : "readOnly";
  }

  /** As on a `tls.TLSSocket`: whether the client has a certificate that was verified. */
  get authorized(): boolean {
    return this.clientCertificate !== undefined;
  }

  /** As on a `tls.TLSSocket`, for certificates that were verified. */
  getPeerCertificate(): object {
    const certificate = this.clientCertificate as { toLegacyObject?(): object } | undefined;
    return certificate?.toLegacyObject?.() ?? {};
  }

  /** As on a `tls.TLSSocket`, for certificates that were verified. */
  getPeerX509Certificate(): ClientCertificate | undefined {
    return this.clientCertificate;
  }

  /** The peer's address family. */
  get remoteFamily(): string | undefined {
    return this.remoteAddress === undefined ? undefined : this.remoteAddress.includes(":") ? "IPv6" : "IPv4";
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

  #isStalled(time: number): boolean {
    if (this.#waitingForRoom === undefined || this.#transport === undefined) return false;
    const { bufferedAmount } = this.#transport;
    if (bufferedAmount < this.#waiting) this.#movedAt = time;
    this.#waiting = bufferedAmount;
    return time - this.#movedAt >= this.patience;
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
    this.transportClosed(this.#address);
    if (this.destroyed) return;
    if (error === undefined) this.destroy();
    else this.destroy(new ConnectionReset(error.message));
  }

  override _read(): void {
    this.#full = false;
    this.pauseOrResume();
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

  #send(bytes: Uint8Array, done: (error?: Error) => void): void {
    this.bytesWritten += bytes.length;
    this.#active();
    if (this.#transport === undefined || this.#transport.write(bytes)) return done();
    this.#waitingForRoom = done;
    this.#waiting = this.#transport.bufferedAmount;
    this.#movedAt = now();
  }

  override _final(done: () => void): void {
    this.#transport?.closeWrite();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const waiting = this.#waitingForRoom;
    this.#waitingForRoom = undefined;
    const transport = this.#transport;
    if (transport !== undefined) {
      if (this.writableFinished || ofParser(error)) {
        this.#stopLingering = closeLingering(transport, this.patience);
        // What still comes is discarded.
        transport.resume();
      } else transport.abort();
    }
    done(error);
    waiting?.(new ConnectionReset("The connection ended before all of this was sent."));
  }
}

/** Whether `node:http` failed the connection, for which it has written a response. */
function ofParser(error: Error | null): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^(?:HPE_|ERR_HTTP)/.test(code);
}
