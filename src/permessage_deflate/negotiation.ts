/**
 * What both ends agree upon before they compress: offers and answers (RFC 7692, sections 5 and 7.1).
 *
 * @module
 */
import type { ExtensionOffer } from "../http/header_fields.ts";

/** The extension's name in `Sec-WebSocket-Extensions`. */
export const PERMESSAGE_DEFLATE = "permessage-deflate";

/** What one end wants of the extension. */
export interface DeflateWishes {
  /** Whether its own messages are each compressed afresh. */
  readonly noContextTakeover: boolean;
  /** The window of its own deflater, in bits: 8 to 15. */
  readonly windowBits: number;
  /** Whether the peer is asked to compress each message afresh. */
  readonly peerNoContextTakeover: boolean;
  /** The window that the peer's deflater is asked to keep to, in bits: 8 to 15; 15 asks for nothing. */
  readonly peerWindowBits: number;
}

/** What both ends have agreed upon. */
export interface DeflateAgreement {
  /** Whether each message of the server stands by itself (RFC 7692, section 7.1.1.1). */
  readonly serverNoContextTakeover: boolean;
  /** Whether each message of the client stands by itself (RFC 7692, section 7.1.1.2). */
  readonly clientNoContextTakeover: boolean;
  /** The window of the server's deflater, in bits (RFC 7692, section 7.1.2.1). */
  readonly serverMaxWindowBits: number;
  /** The window of the client's deflater, in bits (RFC 7692, section 7.1.2.2). */
  readonly clientMaxWindowBits: number;
}

/** An offer that the server accepts. */
export interface AcceptedOffer {
  /** What holds from now on. */
  readonly agreement: DeflateAgreement;
  /** `Sec-WebSocket-Extensions` of the response. */
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

/** `Sec-WebSocket-Extensions` of a client that wants this. */
export function deflateOffer(wishes: DeflateWishes): string {
  return [
    PERMESSAGE_DEFLATE,
    // RFC 7692, section 7.1.2.2: without it the server could not limit our window, were it in need of that.
    windowBits("client", wishes.windowBits) ?? "client_max_window_bits",
    wishes.noContextTakeover ? "client_no_context_takeover" : undefined,
    wishes.peerNoContextTakeover ? "server_no_context_takeover" : undefined,
    windowBits("server", wishes.peerWindowBits),
  ].filter((part) => part !== undefined).join("; ");
}

/**
 * Chooses the first offer that can be accepted, in the client's order of preference. Answers `undefined` when there is
 * none: the handshake then goes on without compression.
 */
export function acceptDeflateOffer(
  offers: readonly ExtensionOffer[],
  wishes: DeflateWishes,
): AcceptedOffer | undefined {
  for (const { name, parameters } of offers) {
    if (name !== PERMESSAGE_DEFLATE) continue;
    // RFC 7692, section 7: "A server MUST decline an extension negotiation offer for this extension if any of the
    // following conditions are met": an unknown parameter, one that stands twice, or one with an invalid value.
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
 * Reads the answer to {@linkcode deflateOffer}. `undefined` says that the server does without compression; a string,
 * what is wrong with its answer, as a sentence: the client must then fail the connection (RFC 7692, section 5.1).
 */
export function readDeflateAnswer(
  extensions: readonly ExtensionOffer[],
  wishes: DeflateWishes,
): DeflateAgreement | string | undefined {
  const [extension, second] = extensions;
  if (extension === undefined) return undefined;
  // RFC 7692, section 6: both would claim RSV1.
  if (second !== undefined) return "The server accepts permessage-deflate twice.";
  const answer = readParameters(extension.parameters);
  if (typeof answer === "string") return `The server's permessage-deflate cannot be used: ${answer}`;
  const { client_max_window_bits: clientBits = wishes.windowBits } = answer;
  const { server_max_window_bits: serverBits = LARGEST_WINDOW_BITS } = answer;
  if (clientBits === true) {
    return "The server's permessage-deflate cannot be used: client_max_window_bits has no value.";
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
    // RFC 7692, section 7.1.2.2: of what was offered "the server may either ignore this value or use" it; it binds us.
    clientMaxWindowBits: Math.min(clientBits, wishes.windowBits),
  };
}

/** The parameters, or what is wrong with them, as a sentence. */
function readParameters(parameters: ExtensionOffer["parameters"]): Parameters | string {
  const read: Parameters = {};
  for (const [name, value] of parameters) {
    if (Object.hasOwn(read, name)) return `${name} stands twice.`;
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
      return `it has a parameter that RFC 7692 does not know.`;
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
