/**
 * Negotiation of compression: offers and answers (RFC 7692, sections 5 and 7.1).
 *
 * @module
 */
import type { ExtensionOffer } from "../http/header_fields.ts";

/** The extension's name in `Sec-WebSocket-Extensions`. */
export const PERMESSAGE_DEFLATE = "permessage-deflate";

/** What one side wants. */
export interface DeflateWishes {
  /** Whether this side compresses each message independently. */
  readonly noContextTakeover: boolean;
  /** The window of this side's deflater in bits: 8 to 15. */
  readonly windowBits: number;
  /** Whether to ask the peer to compress each message independently. */
  readonly peerNoContextTakeover: boolean;
  /** The window to ask of the peer's deflater in bits: 8 to 15; 15 asks for nothing. */
  readonly peerWindowBits: number;
}

/** The negotiated parameters. */
export interface DeflateAgreement {
  /** Whether the server compresses each message independently (RFC 7692, section 7.1.1.1). */
  readonly serverNoContextTakeover: boolean;
  /** Whether the client compresses each message independently (RFC 7692, section 7.1.1.2). */
  readonly clientNoContextTakeover: boolean;
  /** The window of the server's deflater, in bits (RFC 7692, section 7.1.2.1). */
  readonly serverMaxWindowBits: number;
  /** The window of the client's deflater, in bits (RFC 7692, section 7.1.2.2). */
  readonly clientMaxWindowBits: number;
}

/** An offer that the server accepts. */
export interface AcceptedOffer {
  /** The negotiated parameters. */
  readonly agreement: DeflateAgreement;
  /** The value of `Sec-WebSocket-Extensions` in the response. */
  readonly answer: string;
}

const LARGEST_WINDOW_BITS = 15;
const SMALLEST_WINDOW_BITS = 8;

/** The parameters of one offer or answer. */
interface Parameters {
  server_no_context_takeover?: true;
  client_no_context_takeover?: true;
  server_max_window_bits?: number;
  client_max_window_bits?: number | true;
}

/** The client's `Sec-WebSocket-Extensions` for these wishes. */
export function deflateOffer(wishes: DeflateWishes): string {
  return [
    PERMESSAGE_DEFLATE,
    // RFC 7692, section 7.1.2.2: without this parameter a server that needs to limit our window could not.
    windowBits("client", wishes.windowBits) ?? "client_max_window_bits",
    wishes.noContextTakeover ? "client_no_context_takeover" : undefined,
    wishes.peerNoContextTakeover ? "server_no_context_takeover" : undefined,
    windowBits("server", wishes.peerWindowBits),
  ].filter((part) => part !== undefined).join("; ");
}

/**
 * Selects the first acceptable offer, in the client's order of preference. Returns `undefined` if there is none: the
 * handshake then continues without compression.
 */
export function acceptDeflateOffer(
  offers: readonly ExtensionOffer[],
  wishes: DeflateWishes,
): AcceptedOffer | undefined {
  for (const { name, parameters } of offers) {
    if (name !== PERMESSAGE_DEFLATE) continue;
    // RFC 7692, section 7: "A server MUST decline an extension negotiation offer for this extension if any of the
    // following conditions are met": an unknown parameter, a repeated one, or one with an invalid value.
    const offer = readParameters(parameters);
    if (typeof offer !== "string") return accept(offer, wishes);
  }
  return undefined;
}

function accept(offer: Parameters, wishes: DeflateWishes): AcceptedOffer {
  const hint = offer.client_max_window_bits;
  const agreement: DeflateAgreement = {
    serverNoContextTakeover: wishes.noContextTakeover || offer.server_no_context_takeover === true,
    clientNoContextTakeover: wishes.peerNoContextTakeover || offer.client_no_context_takeover === true,
    serverMaxWindowBits: Math.min(wishes.windowBits, offer.server_max_window_bits ?? LARGEST_WINDOW_BITS),
    // RFC 7692, section 7.1.2.2: "If a received extension negotiation offer doesn't have the "client_max_window_bits"
    // extension parameter, the corresponding extension negotiation response to the offer MUST NOT include" it.
    clientMaxWindowBits: hint === undefined
      ? LARGEST_WINDOW_BITS
      : Math.min(wishes.peerWindowBits, hint === true ? LARGEST_WINDOW_BITS : hint),
  };
  const { serverMaxWindowBits, clientMaxWindowBits } = agreement;
  const answer = [
    PERMESSAGE_DEFLATE,
    agreement.serverNoContextTakeover ? "server_no_context_takeover" : undefined,
    agreement.clientNoContextTakeover ? "client_no_context_takeover" : undefined,
    // RFC 7692, section 7.1.2.1: a server accepts the parameter "by including the "server_max_window_bits" extension
    // parameter in the corresponding extension negotiation response [...] with the same or smaller value".
    offer.server_max_window_bits === undefined
      ? windowBits("server", serverMaxWindowBits)
      : `server_max_window_bits=${serverMaxWindowBits}`,
    windowBits("client", clientMaxWindowBits),
  ].filter((part) => part !== undefined).join("; ");
  return { agreement, answer };
}

/**
 * Reads the answer to {@linkcode deflateOffer}. `undefined`: no compression. A string says what is wrong with the
 * answer, and the client must fail the connection (RFC 7692, section 5.1).
 */
export function readDeflateAnswer(
  extensions: readonly ExtensionOffer[],
  wishes: DeflateWishes,
): DeflateAgreement | string | undefined {
  const [extension, second] = extensions;
  if (extension === undefined) return undefined;
  // RFC 7692, section 6: both would use RSV1.
  if (second !== undefined) return "The server accepts permessage-deflate twice.";
  const answer = readParameters(extension.parameters);
  if (typeof answer === "string") return `The server's permessage-deflate is invalid: ${answer}`;
  const { client_max_window_bits: clientBits = wishes.windowBits } = answer;
  const { server_max_window_bits: serverBits = LARGEST_WINDOW_BITS } = answer;
  if (clientBits === true) {
    return "The server's permessage-deflate is invalid: client_max_window_bits has no value.";
  }
  if (serverBits > wishes.peerWindowBits) {
    return `The server compresses with a window of ${serverBits} bits, where at most ${wishes.peerWindowBits} were ` +
      "asked for (server_max_window_bits).";
  }
  const serverAfresh = answer.server_no_context_takeover === true;
  if (wishes.peerNoContextTakeover && !serverAfresh) {
    return "The server did not accept server_no_context_takeover, which was asked for.";
  }
  return {
    serverNoContextTakeover: serverAfresh,
    clientNoContextTakeover: wishes.noContextTakeover || answer.client_no_context_takeover === true,
    serverMaxWindowBits: serverBits,
    // RFC 7692, section 7.1.2.2: of the offer "the server may either ignore this value or use" it; either way we keep
    // to it.
    clientMaxWindowBits: Math.min(clientBits, wishes.windowBits),
  };
}

/** The parameters, or a sentence that says what is wrong with them. */
function readParameters(parameters: ExtensionOffer["parameters"]): Parameters | string {
  const read: Parameters = {};
  for (const [name, value] of parameters) {
    if (Object.hasOwn(read, name)) return `${name} is repeated.`;
    if (name === "server_no_context_takeover" || name === "client_no_context_takeover") {
      if (value !== true) return `${name} has a value.`;
      read[name] = true;
    } else if (name === "client_max_window_bits" && value === true) {
      read[name] = true;
    } else if (name === "server_max_window_bits" || name === "client_max_window_bits") {
      const bits = value === true ? undefined : readWindowBits(value);
      if (bits === undefined) return `${name} is not a number from 8 to 15.`;
      read[name] = bits;
    } else {
      return `it has a parameter that RFC 7692 does not define.`;
    }
  }
  return read;
}

/** RFC 7692, section 7.1.2: "a decimal integer value without leading zeroes between 8 to 15, inclusive". */
function readWindowBits(text: string): number | undefined {
  for (let bits = SMALLEST_WINDOW_BITS; bits <= LARGEST_WINDOW_BITS; bits++) {
    if (text === String(bits)) return bits;
  }
  return undefined;
}

function windowBits(side: "server" | "client", bits: number): string | undefined {
  return bits === LARGEST_WINDOW_BITS ? undefined : `${side}_max_window_bits=${bits}`;
}
