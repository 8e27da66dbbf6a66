/**
 * A transport over a stream of a `node:http2` server: the WebSocket of an extended CONNECT (RFC 8441).
 *
 * @module
 */
import { certificateOf, type CertifiedSocket } from "./client_certificate.ts";
import { type DuplexStream, DuplexTransport } from "./duplex.ts";

/** A stream of a `node:http2` server. */
export interface Http2Stream extends DuplexStream {
  /** Whether the response has begun. */
  readonly headersSent: boolean;
  /** Its connection; `undefined` once that is over. */
  readonly session?: {
    /** Whether it is encrypted. */
    readonly encrypted?: boolean | undefined;
    /** Its socket. */
    readonly socket?: CertifiedSocket & { readonly remoteAddress?: string | undefined };
  } | undefined;
  /** Begins the response. */
  respond(headers: Record<string, string | number | string[]>): void;
  /** Ends the stream with this error code (RFC 9113, section 7). */
  close(code: number): void;
}

/** Whether somebody has answered a stream, or it is over. */
export function isAnswered(stream: Http2Stream): boolean {
  return stream.headersSent || stream.destroyed;
}

// RFC 9113, section 7.
const NO_ERROR = 0x0;
const CANCEL = 0x8;

/** A stream of HTTP/2 in place of a TCP connection. */
export class Http2StreamTransport extends DuplexTransport {
  readonly #stream: Http2Stream;

  /** Takes over the stream. */
  constructor(stream: Http2Stream, highWaterMark: number) {
    super(stream, {
      highWaterMark,
      remoteAddress: stream.session?.socket?.remoteAddress,
      encrypted: stream.session?.encrypted === true,
    });
    const certificate = certificateOf(stream.session?.socket);
    if (certificate !== undefined) this.clientCertificate = certificate;
    this.#stream = stream;
    // A server ends its side when nothing more is expected from the peer, which might keep its own side open. In a later
    // turn: what has been finished, headers and END_STREAM included, need not have been sent, and RST_STREAM overtakes it.
    stream.on("finish", () => void setImmediate(() => stream.close(NO_ERROR)));
  }

  // RFC 8441, section 5: "RST exceptions are represented with the RST_STREAM frame [...] with the CANCEL error code".
  override abort(): void {
    if (this.life === "open" && !this.#stream.destroyed) this.#stream.close(CANCEL);
    super.abort();
  }
}
