/**
 * The negotiation of permessage-deflate (RFC 7692, section 7.1), as the test's side of a connection does it: what a
 * case asks of the subject, and what both ends must keep to when the opening handshake is over.
 */

/** What is asked of the subject's compression. */
export interface Asked {
  /** Each message is compressed without those before it. */
  readonly noContextTakeover?: boolean;
  /** The base-2 logarithm of its window; not limited if `undefined`. */
  readonly windowBits?: number;
}

/** What one direction of a connection keeps to. */
export interface Terms {
  readonly takeover: boolean;
  readonly windowBits: number;
}

/** What was agreed, as the test's side sees it. */
export interface Agreed {
  readonly sending: Terms;
  readonly receiving: Terms;
}

type Parameters = ReadonlyMap<string, string | undefined>;

const NO_VALUE = ["server_no_context_takeover", "client_no_context_takeover"];
const WINDOWS = ["server_max_window_bits", "client_max_window_bits"];
const MOST_BITS = 15;

/** The offers of a client, in order of preference. What it asks of the server's context it offers for its own. */
export function offersOf(asked: readonly Asked[]): string {
  return asked.map(({ noContextTakeover, windowBits }) =>
    [
      "permessage-deflate",
      "client_max_window_bits",
      ...(noContextTakeover ? ["client_no_context_takeover", "server_no_context_takeover"] : []),
      ...(windowBits === undefined ? [] : [`server_max_window_bits=${windowBits}`]),
    ].join("; ")
  ).join(", ");
}

/** What a server's answer to the offers of `offersOf` means; throws if it is not lawful, or not the best of them. */
export function agreedByServer(asked: readonly Asked[], header: string): Agreed {
  const [answer, ...more] = elements(header, "answer");
  if (answer === undefined) throw new Error("The answer accepts none of the offers of permessage-deflate.");
  if (more.length > 0) throw new Error(`The answer names two extensions: ${header}.`);
  const { noContextTakeover = false, windowBits = MOST_BITS } = asked[0]!;
  const noTakeover = answer.has("server_no_context_takeover");
  const bits = bitsIn(answer, "server_max_window_bits");
  if (noContextTakeover && !noTakeover) {
    throw new Error(`The answer takes no notice of server_no_context_takeover: ${header}.`);
  }
  if (asked[0]!.windowBits !== undefined && (bits === undefined || bits > windowBits)) {
    throw new Error(`The answer takes no notice of server_max_window_bits=${windowBits}: ${header}.`);
  }
  return {
    sending: {
      takeover: !answer.has("client_no_context_takeover"),
      windowBits: bitsIn(answer, "client_max_window_bits") ?? MOST_BITS,
    },
    receiving: { takeover: !noTakeover, windowBits: bits ?? MOST_BITS },
  };
}

/** The answer of a server, and what it means: the first of what it would ask that a client's offer allows. */
export function answerTo(asked: readonly Asked[], header: string): Agreed & { readonly answer: string } {
  const [offer] = elements(header, "offer");
  if (offer === undefined) throw new Error("The client offers no permessage-deflate.");
  const allowed = asked.find(({ windowBits }) =>
    windowBits === undefined || offer.has("client_max_window_bits")
  );
  if (allowed === undefined) throw new Error(`The client does not offer client_max_window_bits: ${header}.`);
  const { noContextTakeover = false, windowBits } = allowed;
  // What a server asks of a client it does itself, though nobody asked (sections 7.1.1.1 and 7.1.2.1).
  const ownBits = least(windowBits, bitsIn(offer, "server_max_window_bits"));
  const theirBits = least(windowBits, bitsIn(offer, "client_max_window_bits"));
  const takeover = !noContextTakeover && !offer.has("server_no_context_takeover");
  const answer = [
    "permessage-deflate",
    ...(takeover ? [] : ["server_no_context_takeover"]),
    ...(ownBits === undefined ? [] : [`server_max_window_bits=${ownBits}`]),
    ...(noContextTakeover ? ["client_no_context_takeover"] : []),
    ...(windowBits === undefined ? [] : [`client_max_window_bits=${theirBits}`]),
  ].join("; ");
  return {
    answer,
    sending: { takeover, windowBits: ownBits ?? MOST_BITS },
    receiving: {
      // Section 7.1.1.2: a client that offers it will not take its context over, whatever the answer says.
      takeover: !noContextTakeover && !offer.has("client_no_context_takeover"),
      windowBits: theirBits ?? MOST_BITS,
    },
  };
}

function least(...bits: (number | undefined)[]): number | undefined {
  const given = bits.filter((each) => each !== undefined);
  return given.length === 0 ? undefined : Math.min(...given);
}

function bitsIn(parameters: Parameters, name: string): number | undefined {
  const value = parameters.get(name);
  return value === undefined ? undefined : Number(value);
}

/** The elements of a Sec-WebSocket-Extensions header, each by its parameters; throws at what section 7.1 forbids. */
function elements(header: string, place: "offer" | "answer"): Parameters[] {
  if (header === "") return [];
  return header.split(",").map((element) => {
    const [name, ...rest] = element.split(";").map((part) => part.trim());
    if (name !== "permessage-deflate") throw new Error(`Nobody has asked for the extension ${name}.`);
    const parameters = new Map<string, string | undefined>();
    for (const part of rest) {
      const [, key = "", value] = /^([a-z_]+)(?:=(.*))?$/.exec(part) ?? [];
      if (parameters.has(key)) throw new Error(`A parameter comes twice in the ${place}: ${header}.`);
      const lawful = NO_VALUE.includes(key)
        ? value === undefined
        : WINDOWS.includes(key) && (value === undefined
          ? key === "client_max_window_bits" && place === "offer"
          : /^(?:[89]|1[0-5])$/.test(value));
      if (!lawful) throw new Error(`A parameter of the ${place} is wrong: ${part}.`);
      parameters.set(key, value);
    }
    return parameters;
  });
}
