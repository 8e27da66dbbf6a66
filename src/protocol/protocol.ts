/**
 * A WebSocket connection after its opening handshake (RFC 6455, sections 5 to 8), without I/O: bytes go in, method
 * calls come out.
 *
 * @module
 */
import { concat, copyOf, NOTHING } from "./bytes.ts";
import { encodeClosePayload, parseClosePayload } from "./close_payload.ts";
import { type ConnectionState, mayFollow } from "./connection_state.ts";
import type { EncodedMessage } from "./encoded_message.ts";
import { ConnectionClosedError, ProtocolError } from "./errors.ts";
import { FIN, RSV1, writeFrame, writeTextFrame } from "./frame.ts";
import { FrameDecoder } from "./frame_decoder.ts";
import { frameMemory } from "./frame_memory.ts";
import { maskingKey } from "./mask.ts";
import { MessageAssembler, type MessageLimits } from "./message_assembler.ts";
import type { MessageCompression } from "./message_compression.ts";
import { BINARY, CLOSE, CONTINUATION, isControl, PING, PONG, TEXT } from "./opcode.ts";
import { ABNORMAL_CLOSURE, NO_STATUS_RECEIVED } from "./status_code.ts";

/** Which side of the connection this is. */
export type Role = "client" | "server";

/** The owner of a protocol, which receives its output. It may send and close inside any call. */
export interface ProtocolSink {
  /**
   * A frame to send: `bytes[start..end)`, not to be modified. The next frame may follow in the same memory. Returns
   * `false` on backpressure.
   */
  write(bytes: Uint8Array, start: number, end: number): boolean;
  /**
   * A message arrived: text, or bytes that the owner may keep. After {@linkcode Protocol.streamFromNowOn}: a piece of
   * a message, and `last` marks its end.
   */
  message(data: string | Uint8Array, last: boolean): void;
  /** A Ping frame arrived and was answered. */
  ping(payload: Uint8Array): void;
  /** A Pong frame arrived. */
  pong(payload: Uint8Array): void;
  /**
   * The last call: nothing more is read or written. The TCP connection must be closed, by a server at once, and by a
   * client after the server has closed it or a timeout (RFC 6455, section 7.1.1).
   */
  finish(close: ProtocolClose): void;
}

/** How the protocol ended. */
export interface ProtocolClose {
  /**
   * The status code of the peer's Close frame; 1005 if it had none, 1006 if there was no Close frame (RFC 6455,
   * section 7.1.5).
   */
  readonly code: number;
  /** The reason in the peer's Close frame. */
  readonly reason: string;
  /** Whether Close frames went both ways. */
  readonly wasClean: boolean;
  /** Which side sent its Close frame first, or broke the connection. */
  readonly initiator: "local" | "remote";
  /** Why this side failed the connection, if it did. */
  readonly error: Error | undefined;
}

const encoder: TextEncoder = /* @__PURE__ */ new TextEncoder();

/** The protocol of one connection: frames, messages, control frames and the closing handshake. */
export class Protocol extends FrameDecoder {
  /** The negotiated compression. */
  readonly compression: MessageCompression | undefined;
  readonly #sink: ProtocolSink;
  readonly #limits: MessageLimits;
  // Created for the first data frame.
  #messages: MessageAssembler | undefined;
  #control: Uint8Array = NOTHING;
  #congested = false;
  #unansweredPing: Uint8Array | undefined;
  #state: ConnectionState = "open";
  #initiator: "local" | "remote" | undefined;

  /** Starts after the opening handshake, with the negotiated `compression`, if any. */
  constructor(role: Role, sink: ProtocolSink, limits: MessageLimits, compression?: MessageCompression) {
    super(role, compression !== undefined);
    this.#sink = sink;
    this.compression = compression;
    this.#limits = limits;
  }

  get #role(): Role {
    return this.masked ? "server" : "client";
  }

  get #assembler(): MessageAssembler {
    return this.#messages ??= new MessageAssembler(this.#limits, this.compression);
  }

  /** The state of the connection. */
  get state(): ConnectionState {
    return this.#state;
  }

  /** Whether frames may be sent: no Close frame was sent or received. */
  get open(): boolean {
    return this.#state === "open" || this.#state === "awaiting stream";
  }

  /** Whether `finish()` has been called. */
  get finished(): boolean {
    return this.#state === "finished" || this.#state === "closed";
  }

  /** No more messages may be sent except the current streamed one, after which a Close frame follows. */
  awaitStream(): void {
    this.#enter("awaiting stream");
  }

  /** The byte stream has ended too. */
  transportClosed(): void {
    this.#enter("closed");
  }

  /** Changes the state. Returns `false`, and changes nothing, if that transition is not allowed. */
  #enter(next: ConnectionState): boolean {
    if (!mayFollow(this.#state, next)) return false;
    this.#state = next;
    return true;
  }

  /** See {@linkcode FrameDecoder.streamEnd}. */
  protected override streamEnd(): void {
    this.#finish(ABNORMAL_CLOSURE, "", false, this.#initiator ?? "remote", undefined);
  }

  /** The stream broke or was given up: nothing more can be sent, not even a Close frame. */
  abandon(initiator: "local" | "remote", error: Error | undefined): void {
    this.#finish(ABNORMAL_CLOSURE, "", false, this.#initiator ?? initiator, error);
  }

  /** The output was written: an answer that waited for that follows. */
  drained(): void {
    this.#congested = false;
    const payload = this.#unansweredPing;
    if (payload === undefined) return;
    this.#unansweredPing = undefined;
    if (this.open) this.#sendFrame(PONG, payload);
  }

  /**
   * From now on messages are passed on in pieces as they arrive, without a limit on their size, since nothing is
   * kept. This includes a message that has already begun.
   */
  streamFromNowOn(): void {
    if (this.finished) return;
    const piece = this.#assembler.streamFromNowOn();
    if (piece !== undefined) this.#sink.message(piece.data, piece.last);
  }

  /**
   * Sends a text message. `compress` is the caller's choice; by default the size decides. Throws a
   * {@linkcode ConnectionClosedError} unless {@linkcode open}.
   */
  sendText(text: string, compress?: boolean): boolean {
    this.#checkOpen("message");
    const compression = this.compression;
    // A UTF-16 code unit takes at most three bytes.
    if (compression?.wants(3 * text.length, compress)) {
      const bytes = encoder.encode(text);
      if (compression.wants(bytes.length, compress)) return this.#sendCompressed(compression, TEXT, bytes);
    }
    return this.#write(writeTextFrame(frameMemory, FIN | TEXT, text, this.#key()));
  }

  /** Sends a binary message, as {@linkcode sendText} does; the bytes are copied. */
  sendBinary(bytes: Uint8Array, compress?: boolean): boolean {
    this.#checkOpen("message");
    const compression = this.compression;
    if (compression?.wants(bytes.length, compress)) return this.#sendCompressed(compression, BINARY, bytes);
    return this.#sendFrame(BINARY, bytes);
  }

  /**
   * Sends a fragment of a message (RFC 6455, section 5.4); bytes are copied. `first` begins a message, `last` ends
   * it. In between the caller must not send another message. `compress` must be the same for all fragments; it has no
   * effect without compression. Throws a {@linkcode ConnectionClosedError} unless {@linkcode open}.
   */
  sendFragment(
    type: "text" | "binary",
    data: string | Uint8Array,
    first: boolean,
    last: boolean,
    compress: boolean = false,
  ): boolean {
    this.#checkOpen("message");
    const opcode = first ? (type === "text" ? TEXT : BINARY) : CONTINUATION;
    const firstByte = (last ? FIN : 0) | opcode;
    if (compress && this.compression !== undefined) {
      const bytes = typeof data === "string" ? encoder.encode(data) : data;
      // RFC 7692, section 6.1: only the first fragment has this bit.
      const bits = firstByte | (first ? RSV1 : 0);
      const payload = this.compression.compressFragment(bytes, last);
      return this.#write(writeFrame(frameMemory, bits, payload, this.#key()));
    }
    const start = typeof data === "string"
      ? writeTextFrame(frameMemory, firstByte, data, this.#key())
      : writeFrame(frameMemory, firstByte, data, this.#key());
    return this.#write(start);
  }

  /**
   * Sends a message that {@linkcode encodeMessage} made for connections like this one. Throws a
   * {@linkcode ConnectionClosedError} unless {@linkcode open}.
   */
  sendEncoded({ frame, compressed }: EncodedMessage): boolean {
    this.#checkOpen("message");
    if (compressed) this.compression!.sentAfresh();
    return this.#told(this.#sink.write(frame, 0, frame.length));
  }

  /**
   * Sends a Ping frame. Throws a `RangeError` beyond 125 bytes, and a {@linkcode ConnectionClosedError} unless
   * {@linkcode open}.
   */
  sendPing(payload: Uint8Array = NOTHING): boolean {
    this.#checkOpen("ping");
    return this.#sendFrame(PING, checkControlPayload(payload));
  }

  /** Sends an unsolicited Pong frame (RFC 6455, section 5.5.3). Throws as {@linkcode sendPing} does. */
  sendPong(payload: Uint8Array = NOTHING): boolean {
    this.#checkOpen("pong");
    return this.#sendFrame(PONG, checkControlPayload(payload));
  }

  /**
   * Starts the closing handshake; does nothing if a Close frame was sent before. Messages from the peer are received
   * until its Close frame arrives. Throws a `RangeError` for a code that must not be sent, or a reason of more than
   * 123 bytes.
   */
  sendClose(code?: number, reason: string = ""): void {
    const payload = encodeClosePayload(code, reason, this.#role);
    if (!this.open) return;
    this.#initiator ??= "local";
    this.#sendCloseFrame(payload);
  }

  /**
   * Fails the connection (RFC 6455, section 7.1.7): sends a Close frame, unless one was sent, and stops parsing. With
   * a {@linkcode ProtocolError} the peer counts as the initiator.
   */
  fail(code: number, error: Error): void {
    if (this.finished) return;
    // A ProtocolError is about the peer and may be sent to it; other messages may be private.
    const reason = error instanceof ProtocolError ? error.message : "";
    const payload = encodeClosePayload(code, reason, this.#role);
    this.stop();
    if (this.open) this.#sendCloseFrame(payload);
    const guilty = error instanceof ProtocolError ? "remote" : "local";
    this.#finish(ABNORMAL_CLOSURE, "", false, this.#initiator ?? guilty, error);
  }

  /** See {@linkcode FrameDecoder.frameError}. */
  protected override frameError(error: ProtocolError): void {
    this.fail(error.statusCode, error);
  }

  /** See {@linkcode FrameDecoder.frameHeader}. */
  protected override frameHeader(fin: boolean, rsv1: boolean, opcode: number, length: number): void {
    if (isControl(opcode)) {
      this.#control = NOTHING;
      return;
    }
    const error = this.#assembler.begin(opcode, length, rsv1, fin);
    if (error !== undefined) this.frameError(error);
  }

  /** See {@linkcode FrameDecoder.framePayload}. */
  protected override framePayload(
    opcode: number,
    fin: boolean,
    chunk: Uint8Array,
    start: number,
    end: number,
    seen: number,
    last: boolean,
  ): void {
    if (isControl(opcode)) {
      const piece = copyOf(chunk, start, end);
      const size = this.#control.length + piece.length;
      this.#control = size === piece.length ? piece : concat([this.#control, piece], size);
      if (last) this.#controlFrame(opcode, this.#control);
      return;
    }
    const ends = last && fin;
    const message = this.#assembler.add(chunk, start, end, seen, ends);
    if (message === undefined) return;
    if (message instanceof ProtocolError) this.frameError(message);
    else this.#sink.message(message, ends);
  }

  #controlFrame(opcode: number, payload: Uint8Array): void {
    if (opcode === PONG) {
      this.#sink.pong(payload);
    } else if (opcode === PING) {
      this.#answerPing(payload);
      if (!this.finished) this.#sink.ping(payload);
    } else {
      this.#receiveClose(payload);
    }
  }

  // RFC 6455, section 5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response, unless it
  // already received a Close frame." Section 5.5.3: while earlier ones wait, "the endpoint MAY elect to send a Pong
  // frame for only the most recently processed Ping frame".
  #answerPing(payload: Uint8Array): void {
    if (!this.open) return;
    if (this.#congested) this.#unansweredPing = payload;
    else this.#sendFrame(PONG, payload);
  }

  #receiveClose(payload: Uint8Array): void {
    const close = parseClosePayload(payload);
    if (close instanceof ProtocolError) return this.frameError(close);
    this.stop();
    this.#initiator ??= "remote";
    // RFC 6455, section 5.5.1: "If an endpoint receives a Close frame and did not previously send a Close frame, the
    // endpoint MUST send a Close frame in response. (When sending a Close frame in response, the endpoint typically
    // echos the status code it received.)" A server must not send 1010, and answers it with none.
    if (this.open) {
      const echo = close.code === NO_STATUS_RECEIVED || (close.code === 1010 && this.#role === "server")
        ? undefined
        : close.code;
      this.#sendCloseFrame(encodeClosePayload(echo, "", this.#role));
    }
    this.#finish(close.code, close.reason, true, this.#initiator, undefined);
  }

  #sendCloseFrame(payload: Uint8Array): void {
    this.#enter("close sent");
    this.#write(writeFrame(frameMemory, FIN | CLOSE, payload, this.#key()));
  }

  #sendCompressed(compression: MessageCompression, opcode: number, bytes: Uint8Array): boolean {
    const payload = compression.compress(bytes);
    if (payload === undefined) return this.#sendFrame(opcode, bytes);
    return this.#sendFrame(RSV1 | opcode, payload);
  }

  #sendFrame(opcode: number, payload: Uint8Array): boolean {
    return this.#write(writeFrame(frameMemory, FIN | opcode, payload, this.#key()));
  }

  /** Passes on the frame that begins here in the memory and ends at its end. */
  #write(start: number): boolean {
    return this.#told(this.#sink.write(frameMemory.bytes, start, frameMemory.end));
  }

  #told(flowing: boolean): boolean {
    if (!flowing) this.#congested = true;
    return flowing;
  }

  // RFC 6455, section 5.3: a client masks every frame with a new key; a server does not mask (section 5.1).
  #key(): number | undefined {
    return this.masked ? undefined : maskingKey();
  }

  #checkOpen(what: string): void {
    if (this.open) return;
    throw new ConnectionClosedError(
      `Cannot send a ${what}: the connection is ${this.finished ? "closed" : "closing"}.`,
    );
  }

  #finish(
    code: number,
    reason: string,
    wasClean: boolean,
    initiator: "local" | "remote",
    error: Error | undefined,
  ): void {
    if (!this.#enter("finished")) return;
    this.stop();
    this.#unansweredPing = undefined;
    this.#sink.finish({ code, reason, wasClean, initiator, error });
  }
}

function checkControlPayload(payload: Uint8Array): Uint8Array {
  // RFC 6455, section 5.5: "All control frames MUST have a payload length of 125 bytes or less".
  if (payload.length > 125) {
    throw new RangeError(`Cannot send a control frame of ${payload.length} bytes: at most 125 fit.`);
  }
  return payload;
}
