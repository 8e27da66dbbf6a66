/**
 * The client's side of the opening handshake (RFC 6455, section 4.1): writes the request, checks the response.
 *
 * @module
 */
import { acceptKey, generateKey } from "./accept_key.ts";
import {
  type ExtensionOffer,
  isToken,
  listElements,
  listHolds,
  parseExtensions,
  toAsciiLowerCase,
} from "../http/header_fields.ts";
import type { HeadDefect, HeadLimits, ResponseHead } from "../http/head.ts";
import { FinalResponseReader } from "../http/final_response.ts";
import { type HeaderLine, headText, latin1Bytes } from "../http/response.ts";
import { printable } from "../http/printable.ts";

/** The stable code of a reason for which a client fails the opening handshake. */
export type HandshakeFailureCode =
  | "response-malformed"
  | "response-truncated"
  | "http-version"
  | "unexpected-status"
  | "upgrade-missing"
  | "connection-missing"
  | "accept-missing"
  | "accept-repeated"
  | "accept-mismatch"
  | "subprotocol-repeated"
  | "subprotocol-not-offered"
  | "extension-malformed"
  | "extension-not-offered"
  | "extension-parameters";

/** Why the client failed the opening handshake. */
export interface HandshakeFailure {
  /** The stable code of the reason. */
  readonly code: HandshakeFailureCode;
  /** The source of the rule, such as `RFC 6455, section 4.1`. */
  readonly section: string;
  /** What is wrong and how to fix it. */
  readonly message: string;
}

/** The client's request. */
export interface ClientHandshakeOptions {
  /** The `Host` header: host, and port if it is not the scheme's default. */
  readonly host: string;
  /** The path and query, percent-encoded, with no fragment. */
  readonly resourceName: string;
  /** Subprotocols to offer, in order of preference. */
  readonly protocols?: readonly string[];
  /** `Sec-WebSocket-Extensions` to offer. */
  readonly extensions?: string | undefined;
  /** More header fields. */
  readonly headers?: Iterable<HeaderLine>;
  /** Limits on the response head. */
  readonly limits: HeadLimits;
}

/** A completed opening handshake. */
export interface OpenOutcome {
  /** Distinguishes the outcomes. */
  readonly kind: "open";
  /** The response head. */
  readonly head: ResponseHead;
  /** The subprotocol selected by the server, `""` for none. */
  readonly protocol: string;
  /** The extensions selected by the server, all of which were offered. */
  readonly extensions: readonly ExtensionOffer[];
}

/** A failed opening handshake. */
export interface FailedOutcome {
  /** Distinguishes the outcomes. */
  readonly kind: "failed";
  /** Why it failed. */
  readonly failure: HandshakeFailure;
  /** The response head, if it could be parsed. */
  readonly head: ResponseHead | undefined;
}

/** The result of the opening handshake. */
export type ClientOutcome = OpenOutcome | FailedOutcome;

const OWN_HEADERS: ReadonlySet<string> = new Set([
  "host",
  "upgrade",
  "connection",
  "sec-websocket-key",
  "sec-websocket-version",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
  "content-length",
  "transfer-encoding",
]);

const DEFECTS: Partial<Record<HeadDefect, string>> = {
  "tls-on-plain-port":
    "The server answered with TLS: connect with wss:// instead of ws://, or configure the proxy in front of the server to connect to it with TLS.",
  "not-http":
    "The server answered with something that is not HTTP: is there a WebSocket server at this address?",
  "headers-too-large": "The response's headers are larger than maxHeadSize: raise it to accept them.",
  "headers-too-many": "The response has more header lines than maxHeaders: raise it to accept them.",
  "start-line-too-long": "The response's status line is longer than maxHeadSize: raise it to accept it.",
};

/** One opening handshake: its request and the check of its response. */
export class ClientHandshake {
  /** The `Sec-WebSocket-Key` of this handshake, a new one each time. */
  readonly key: string = generateKey();
  /** The request head as text, one byte per character. */
  readonly requestText: string;
  readonly #protocols: readonly string[];
  readonly #extensions: ReadonlySet<string>;
  readonly #reader: FinalResponseReader;

  /**
   * Throws a `TypeError` for a header that the handshake sets itself or that contains a line break, and a
   * `SyntaxError` for a subprotocol that is not a token or is repeated (RFC 6455, section 4.1).
   */
  constructor(options: ClientHandshakeOptions) {
    const { host, resourceName, protocols = [], extensions, headers = [], limits } = options;
    for (const [index, protocol] of protocols.entries()) {
      if (!isToken(protocol)) {
        // Browser applications put auth tokens into subprotocols, so errors do not repeat them.
        throw new SyntaxError(`Cannot offer subprotocol ${index + 1}: it is not a token.`);
      }
      if (protocols.indexOf(protocol) !== index) {
        throw new SyntaxError(`Cannot offer subprotocol ${index + 1}: it is repeated.`);
      }
    }
    const lines: HeaderLine[] = [
      ["Host", host],
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
      ["Sec-WebSocket-Key", this.key],
      ["Sec-WebSocket-Version", "13"],
    ];
    if (protocols.length > 0) lines.push(["Sec-WebSocket-Protocol", protocols.join(", ")]);
    if (extensions !== undefined) lines.push(["Sec-WebSocket-Extensions", extensions]);
    for (const line of headers) {
      if (OWN_HEADERS.has(toAsciiLowerCase(line[0]))) {
        throw new TypeError(`Cannot send header ${line[0]}: the opening handshake sets it.`);
      }
      lines.push(line);
    }
    // RFC 6455, section 3: "Fragment identifiers are meaningless in the context of WebSocket URIs".
    if (!resourceName.startsWith("/") || resourceName.includes("#")) {
      throw new TypeError("Cannot request this resource name: it must begin with / and have no fragment.");
    }
    for (let i = 0; i < resourceName.length; i++) {
      const code = resourceName.charCodeAt(i);
      if (code <= 0x20 || code >= 0x7f) {
        throw new TypeError("Cannot request this resource name: percent-encode it first.");
      }
    }
    this.requestText = headText(`GET ${resourceName} HTTP/1.1`, lines);
    this.#protocols = protocols;
    this.#extensions = new Set(parseExtensions(extensions)?.map(({ name }) => name));
    this.#reader = new FinalResponseReader(limits);
  }

  /** The request as bytes. */
  request(): Uint8Array {
    return latin1Bytes(this.requestText);
  }

  /**
   * Reads a chunk. Returns the outcome once it is known: when the response head is complete or invalid. `end` is the index in `chunk` at which the head ended. What follows belongs to the WebSocket, or to the body of a response that refuses. Must not be called again
   * after that.
   */
  receive(chunk: Uint8Array): { outcome: ClientOutcome; end: number } | undefined {
    const { defect, head, end } = this.#reader.receive(chunk);
    if (defect !== undefined) return { outcome: malformed(defect), end };
    return head && { outcome: this.#check(head), end };
  }

  /**
   * The outcome if the server ends the connection before its response is complete. `encrypted` says whether the
   * connection uses TLS.
   */
  receiveEnd(encrypted: boolean = false): FailedOutcome {
    const message = this.#reader.begun
      ? "The server closed the connection in the middle of its response."
      : "The server closed the connection without an answer: is it a WebSocket server, or does it " +
        (encrypted ? "require a client certificate (the options tls.cert and tls.key)?" : "want wss://?");
    return {
      kind: "failed",
      failure: { code: "response-truncated", section: "RFC 6455, section 4.1", message },
      head: undefined,
    };
  }

  #check(head: ResponseHead): ClientOutcome {
    const failed = (code: HandshakeFailureCode, section: string, message: string): FailedOutcome => ({
      kind: "failed",
      failure: { code, section, message },
      head,
    });
    const { headers } = head;
    const section = "RFC 6455, section 4.1";
    if (head.status !== 101) {
      return failed(
        "unexpected-status",
        section,
        `The server answered ${head.status}${
          head.reason === "" ? "" : ` ${printable(head.reason)}`
        } instead of 101 Switching Protocols.`,
      );
    }
    if (head.minorVersion < 1) {
      return failed(
        "http-version",
        "RFC 6455, section 4.2.2",
        "The server accepted with HTTP/1.0, which has no 101 status.",
      );
    }
    // RFC 6455, section 4.1: "contains a value that is not an ASCII case-insensitive match for the value "websocket"".
    const upgrades = listElements(headers.get("upgrade"));
    if (upgrades.length === 0 || upgrades.some((each) => toAsciiLowerCase(each) !== "websocket")) {
      return failed(
        "upgrade-missing",
        section,
        'The response\'s Upgrade header does not contain "websocket".',
      );
    }
    if (!listHolds(headers.get("connection"), "upgrade")) {
      return failed(
        "connection-missing",
        section,
        'The response\'s Connection header does not contain "Upgrade".',
      );
    }
    const accept = headers.get("sec-websocket-accept");
    if (accept === undefined) {
      return failed("accept-missing", section, "The response has no Sec-WebSocket-Accept.");
    }
    // RFC 6455, section 11.3.3: "The |Sec-WebSocket-Accept| header MUST NOT appear more than once in an HTTP response."
    if (headers.count("sec-websocket-accept") > 1) {
      return failed(
        "accept-repeated",
        "RFC 6455, section 11.3.3",
        "The response has more than one Sec-WebSocket-Accept.",
      );
    }
    if (accept !== acceptKey(this.key)) {
      return failed(
        "accept-mismatch",
        section,
        "The Sec-WebSocket-Accept does not match our key: the response comes from a cache, or the server does not support WebSockets.",
      );
    }
    const extensions = parseExtensions(headers.get("sec-websocket-extensions"));
    if (extensions === undefined) {
      return failed(
        "extension-malformed",
        "RFC 6455, section 9.1",
        "The response's Sec-WebSocket-Extensions has invalid syntax.",
      );
    }
    const unasked = extensions.find(({ name }) => !this.#extensions.has(name));
    if (unasked !== undefined) {
      return failed(
        "extension-not-offered",
        section,
        `The server uses extension "${unasked.name}", which was not offered.`,
      );
    }
    const protocol = headers.get("sec-websocket-protocol");
    if (headers.count("sec-websocket-protocol") > 1) {
      return failed(
        "subprotocol-repeated",
        "RFC 6455, section 11.3.4",
        "The response names more than one subprotocol.",
      );
    }
    if (protocol !== undefined && !this.#protocols.includes(protocol)) {
      return failed(
        "subprotocol-not-offered",
        section,
        `The server chose subprotocol ${
          JSON.stringify(printable(protocol.slice(0, 64)))
        }, which was not offered.`,
      );
    }
    return { kind: "open", head, protocol: protocol ?? "", extensions };
  }
}

function malformed(defect: HeadDefect): FailedOutcome {
  return {
    kind: "failed",
    failure: {
      code: "response-malformed",
      section: "RFC 9112, section 4",
      message: DEFECTS[defect] ?? `The response's head is malformed (${defect}).`,
    },
    head: undefined,
  };
}
