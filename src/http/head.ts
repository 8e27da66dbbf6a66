/**
 * The head of an HTTP/1.1 message, parsed as it arrives (RFC 9112, sections 2 to 5). Strict wherever two parsers
 * could disagree, since request smuggling depends on that. Bounded in bytes and fields, and linear in its input
 * however small the pieces are.
 *
 * @module
 */
import { GrowingBytes } from "../protocol/growing_bytes.ts";
import { type BufferGlobal, type Latin1Reader, latin1Reader } from "../protocol/latin1.ts";
import { HeaderFields, isToken, isTokenCharacter, trimmed } from "./header_fields.ts";
import { isVisibleAscii } from "./printable.ts";

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const DELETE = 0x7f;
const TLS_HANDSHAKE_RECORD = 0x16;
const TLS_ALERT_RECORD = 0x15;

const EMPTY_LINE = "\r\n";
const SMALLEST_LINE = 256;

/** What can be wrong with a head. Each is also a refusal code. */
export type HeadDefect =
  | "tls-on-plain-port"
  | "not-http"
  | "line-feed-alone"
  | "control-character"
  | "start-line-malformed"
  | "start-line-too-long"
  | "http-version-unsupported"
  | "request-target-invalid"
  | "header-folded"
  | "header-space-before-colon"
  | "header-without-colon"
  | "header-name-invalid"
  | "headers-too-large"
  | "headers-too-many";

/** Limits on a head. */
export interface HeadLimits {
  /** Bytes, including the final empty line. */
  readonly maxHeadSize: number;
  /** Header lines. */
  readonly maxHeaders: number;
}

/** The first line of a request. */
export interface RequestLine {
  /** The method, such as `GET`; case-sensitive. */
  readonly method: string;
  /** The request target as it was sent: `/chat?room=1`, or an absolute URI. */
  readonly target: string;
  /** The minor version: 1 for HTTP/1.1. */
  readonly minorVersion: number;
}

/** The first line of a response. */
export interface StatusLine {
  /** The status code. */
  readonly status: number;
  /** The reason phrase; often empty, never significant. */
  readonly reason: string;
  /** The minor version: 1 for HTTP/1.1. */
  readonly minorVersion: number;
}

/** What follows the first line in every head. */
export interface HeadRest {
  /** The header fields. */
  readonly headers: HeaderFields;
  /** The whole head as text, one byte per character, including the empty line. */
  readonly text: string;
}

/** The head of a request. */
export interface RequestHead extends RequestLine, HeadRest {}

/** The head of a response. */
export interface ResponseHead extends StatusLine, HeadRest {}

/** Reads a head: lines, fields, limits. A function parses the first line. */
export class HeadReader<Start extends object> {
  readonly #limits: HeadLimits;
  readonly #readStartLine: (line: string) => Start | HeadDefect;
  readonly #unfolds: boolean;
  readonly #headers: HeaderFields = new HeaderFields();
  readonly #line: GrowingBytes = new GrowingBytes();
  #size = 0;
  #text = "";
  #emptyLineSkipped = false;
  #start: Start | undefined;
  #head: (Start & HeadRest) | undefined;
  #defect: HeadDefect | undefined;

  /** Reads within these limits. `unfolds`: a line may continue the one before it. */
  constructor(limits: HeadLimits, readStartLine: (line: string) => Start | HeadDefect, unfolds: boolean) {
    this.#limits = limits;
    this.#readStartLine = readStartLine;
    this.#unfolds = unfolds;
  }

  /** What is wrong with the head, if anything; nothing is read after that. */
  get defect(): HeadDefect | undefined {
    return this.#defect;
  }

  /** Bytes received so far. */
  get size(): number {
    return this.#size;
  }

  /** The head, once {@linkcode receive} has returned an index. */
  get head(): (Start & HeadRest) | undefined {
    return this.#head;
  }

  /**
   * Reads a chunk. Returns the index in `chunk` at which the head ended: what follows is not part of it. Returns `-1`
   * if more is needed, or if {@linkcode defect} is set.
   */
  receive(chunk: Uint8Array): number {
    let position = 0;
    while (position < chunk.length) {
      if (this.#start === undefined && this.#line.size === 0 && !this.#mayBegin(chunk[position]!)) return -1;
      const room = this.#limits.maxHeadSize - this.#size;
      const end = this.#endOfLines(chunk, position, Math.min(chunk.length, position + room));
      if (end === position) {
        this.#size += chunk.length - position;
        if (chunk.length - position <= room) this.#keep(chunk, position, chunk.length);
        else this.#fail(this.#start === undefined ? "start-line-too-long" : "headers-too-large");
        return -1;
      }
      this.#size += end - position;
      this.#readLines(this.#decode(chunk, position, end));
      if (this.#head !== undefined) return end;
      if (this.#defect !== undefined) return -1;
      position = end;
    }
    return -1;
  }

  // Bytes that are clearly not HTTP are refused at the first one: the sender may be waiting for an answer.
  #mayBegin(byte: number): boolean {
    if (isTokenCharacter(byte) || byte === CARRIAGE_RETURN || byte === LINE_FEED) return true;
    this.#fail(byte === TLS_HANDSHAKE_RECORD || byte === TLS_ALERT_RECORD ? "tls-on-plain-port" : "not-http");
    return false;
  }

  /** Where the last complete line in `chunk[from..to)` ends, or the first empty one; `from` if there is none. */
  #endOfLines(chunk: Uint8Array, from: number, to: number): number {
    let start = from - this.#line.size;
    let end = from;
    for (;;) {
      const lineFeed = chunk.indexOf(LINE_FEED, end);
      if (lineFeed === -1 || lineFeed >= to) return end;
      end = lineFeed + 1;
      if (end - start <= EMPTY_LINE.length) return end;
      start = end;
    }
  }

  #keep(chunk: Uint8Array, from: number, to: number): void {
    const size = this.#line.size + to - from;
    const capacity = Math.max(size, 2 * this.#line.capacity, SMALLEST_LINE);
    this.#line.append(chunk, from, to, Math.min(capacity, this.#limits.maxHeadSize));
  }

  /** The text of complete lines, including the kept beginning of the first. */
  #decode(chunk: Uint8Array, from: number, to: number): string {
    if (this.#line.size === 0) return latin1Text(chunk, from, to);
    this.#keep(chunk, from, to);
    const { bytes } = this.#line;
    const lines = latin1Text(bytes, 0, bytes.length);
    this.#line.clear();
    return lines;
  }

  #readLines(lines: string): void {
    // On Bun even concatenating an empty string makes a rope, which the connection would keep.
    this.#text = this.#text === "" ? lines : this.#text + lines;
    for (let from = 0; from < lines.length && this.#defect === undefined;) {
      const lineFeed = lines.indexOf("\n", from);
      this.#readLine(lines, from, lineFeed - 1);
      from = lineFeed + 1;
    }
  }

  /** Parses `lines[from..to)`. Two more characters follow, which should be CR and LF. */
  #readLine(lines: string, from: number, to: number): void {
    // RFC 9112, section 2.2: "a recipient MAY recognize a single LF as a line terminator". We do not, so that all
    // parsers agree.
    if (to < from || lines.charCodeAt(to) !== CARRIAGE_RETURN) return void this.#fail("line-feed-alone");
    for (let i = from; i < to; i++) {
      const code = lines.charCodeAt(i);
      // RFC 9112, section 2.2, of a bare CR: "MUST consider that element to be invalid"; RFC 9110, section 5.5:
      // "Field values containing CR, LF, or NUL characters are invalid and dangerous".
      if ((code < SPACE && code !== TAB) || code === DELETE) return void this.#fail("control-character");
    }
    if (this.#start === undefined) this.#readStart(lines.slice(from, to));
    else if (from < to) this.#readHeader(lines, from, to);
    else this.#head = { ...this.#start, headers: this.#headers, text: this.#text };
  }

  #readStart(line: string): void {
    if (line === "") {
      // RFC 9112, section 2.2: "SHOULD ignore at least one empty line (CRLF) received prior to the request-line".
      if (this.#emptyLineSkipped) this.#fail("not-http");
      this.#emptyLineSkipped = true;
      this.#text = "";
      return;
    }
    const start = this.#readStartLine(line);
    if (typeof start === "string") this.#fail(start);
    else this.#start = start;
  }

  #readHeader(lines: string, from: number, to: number): void {
    const first = lines.charCodeAt(from);
    if (first === SPACE || first === TAB) {
      // RFC 9112, section 5.2: a server "MUST either reject the message by sending a 400 (Bad Request) [...] or replace
      // each received obs-fold"; a user agent "MUST replace each received obs-fold with one or more SP octets".
      if (!this.#unfolds || this.#headers.size === 0) return void this.#fail("header-folded");
      return this.#headers.extend(trimmed(lines, from, to));
    }
    if (this.#headers.size === this.#limits.maxHeaders) return void this.#fail("headers-too-many");
    const colon = lines.indexOf(":", from);
    if (colon === -1 || colon > to) return void this.#fail("header-without-colon");
    const name = lines.slice(from, colon);
    if (!isToken(name)) {
      const last = name.charCodeAt(name.length - 1);
      // RFC 9112, section 5.1: "No whitespace is allowed between the field name and colon."
      return void this.#fail(
        last === SPACE || last === TAB ? "header-space-before-colon" : "header-name-invalid",
      );
    }
    this.#headers.append(name.toLowerCase(), trimmed(lines, colon + 1, to));
  }

  #fail(defect: HeadDefect): void {
    this.#defect = defect;
  }
}

/** Parses the header fields of a head that was read before, from its text. */
export function headerFieldsOf(text: string): HeaderFields {
  const headers = new HeaderFields();
  for (const line of text.split("\r\n").slice(1, -2)) {
    const colon = line.indexOf(":");
    headers.append(line.slice(0, colon).toLowerCase(), trimmed(line, colon + 1, line.length));
  }
  return headers;
}

const readLatin1: Latin1Reader = /* @__PURE__ */ latin1Reader(globalThis as BufferGlobal);

/** The text of `bytes[start..end)`, one byte per character. */
export function latin1Text(bytes: Uint8Array, start: number, end: number): string {
  return readLatin1(bytes, start, end);
}

/** The minor version of HTTP/1, or the defect. */
function readVersion(text: string): number | HeadDefect {
  // RFC 9112, section 2.3: "HTTP-version is case-sensitive."
  if (text.length !== 8 || !text.startsWith("HTTP/") || text[6] !== ".") return "start-line-malformed";
  const major = text.charCodeAt(5) - 0x30;
  const minor = text.charCodeAt(7) - 0x30;
  if (major < 0 || major > 9 || minor < 0 || minor > 9) return "start-line-malformed";
  return major === 1 ? minor : "http-version-unsupported";
}

/** Reads the head of a request. */
export class RequestHeadReader extends HeadReader<RequestLine> {
  /** Reads within these limits. */
  constructor(limits: HeadLimits) {
    super(limits, readRequestLine, false);
  }
}

function readRequestLine(line: string): RequestLine | HeadDefect {
  // RFC 9112, section 3: "request-line = method SP request-target SP HTTP-version", with single spaces.
  const first = line.indexOf(" ");
  const last = line.lastIndexOf(" ");
  const method = line.slice(0, first);
  const minorVersion = readVersion(line.slice(last + 1));
  if (!isToken(method) || first === last) return "start-line-malformed";
  if (typeof minorVersion === "string") return minorVersion;
  const target = line.slice(first + 1, last);
  return isVisibleAscii(target) ? { method, target, minorVersion } : "request-target-invalid";
}

/** Reads the head of a response. */
export class ResponseHeadReader extends HeadReader<StatusLine> {
  /** Reads within these limits. */
  constructor(limits: HeadLimits) {
    super(limits, readStatusLine, true);
  }
}

function readStatusLine(line: string): StatusLine | HeadDefect {
  // RFC 9112, section 4: "status-line = HTTP-version SP status-code SP [ reason-phrase ]"; many servers omit the
  // second space together with the reason.
  const minorVersion = readVersion(line.slice(0, 8));
  if (typeof minorVersion === "string") return minorVersion;
  const code = line.slice(9, 12);
  if (line[8] !== " " || !isStatusCode(code) || (line.length > 12 && line[12] !== " ")) {
    return "start-line-malformed";
  }
  return { minorVersion, status: Number(code), reason: line.slice(13) };
}

function isStatusCode(text: string): boolean {
  if (text.length !== 3) return false;
  for (let i = 0; i < 3; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < (i === 0 ? 1 : 0) || digit > 9) return false;
  }
  return true;
}
