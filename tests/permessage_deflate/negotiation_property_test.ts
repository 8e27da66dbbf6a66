/** Offers and answers (RFC 7692, section 7.1): every combination there is, against the rules written out once more. */
import { equal, ok } from "node:assert/strict";
import { type ExtensionOffer, parseExtensions } from "../../src/http/header_fields.ts";
import {
  acceptDeflateOffer,
  type DeflateAgreement,
  deflateOffer,
  type DeflateWishes,
  readDeflateAnswer,
} from "../../src/permessage_deflate/negotiation.ts";
import { test } from "../harness.ts";

const BITS = [8, 9, 10, 11, 12, 13, 14, 15] as const;
const BOTH = [false, true] as const;

/** A parameter's value, `true` where it has none, `undefined` where it is absent. */
interface Terms {
  readonly serverAfresh: true | undefined;
  readonly clientAfresh: true | undefined;
  readonly serverBits: number | true | undefined;
  readonly clientBits: number | true | undefined;
}

const WISHES: DeflateWishes[] = BOTH.flatMap((noContextTakeover) =>
  BOTH.flatMap((peerNoContextTakeover) =>
    BITS.flatMap((windowBits) =>
      BITS.map((peerWindowBits) => ({ noContextTakeover, peerNoContextTakeover, windowBits, peerWindowBits }))
    )
  )
);

/** Every offer, and every answer, that is written by the grammar; 360 of them. */
const TERMS: Terms[] = BOTH.flatMap((server) =>
  BOTH.flatMap((client) =>
    [undefined, ...BITS].flatMap((serverBits) =>
      [undefined, true as const, ...BITS].map((clientBits) => ({
        serverAfresh: server || undefined,
        clientAfresh: client || undefined,
        serverBits,
        clientBits,
      }))
    )
  )
);

const NAMES: Record<string, keyof Terms> = {
  server_no_context_takeover: "serverAfresh",
  client_no_context_takeover: "clientAfresh",
  server_max_window_bits: "serverBits",
  client_max_window_bits: "clientBits",
};

function write(terms: Terms): string {
  return ["permessage-deflate"].concat(
    Object.entries(NAMES).flatMap(([name, key]) => {
      const value = terms[key];
      return value === undefined ? [] : [value === true ? name : `${name}=${value}`];
    }),
  ).join("; ");
}

/** Reads one extension as strictly as it can be, and fails at what must not be sent. */
function read(header: string): Terms {
  const extensions = parseExtensions(header);
  equal(extensions?.length, 1, header);
  const { name, parameters } = extensions![0]!;
  equal(name, "permessage-deflate");
  const terms: Record<string, number | true> = {};
  for (const [parameter, value] of parameters) {
    const key = NAMES[parameter];
    ok(key !== undefined && terms[key] === undefined, header);
    if (key === "serverAfresh" || key === "clientAfresh") ok(value === true, header);
    else ok(value === true || BITS.some((bits) => String(bits) === value), header);
    terms[key] = value === true ? true : Number(value);
  }
  return terms as unknown as Terms;
}

/** Fails at the first thing in an answer that the offer, or the server's wishes, do not allow. */
function wrongIn(answer: Terms, offer: Terms, wishes: DeflateWishes): string | undefined {
  const { serverBits = 15, clientBits = 15 } = answer;
  if (serverBits === true || clientBits === true) return "an answer's window bits have values";
  if ((answer.serverAfresh ?? false) !== (offer.serverAfresh || wishes.noContextTakeover)) {
    return "server_no_context_takeover is answered if it was asked for, or is the server's own wish";
  }
  if ((answer.clientAfresh ?? false) !== (offer.clientAfresh || wishes.peerNoContextTakeover)) {
    return "client_no_context_takeover is answered if it was offered, or is the server's own wish";
  }
  if (offer.serverBits !== undefined && answer.serverBits === undefined) {
    return "server_max_window_bits is lost";
  }
  if (typeof offer.serverBits === "number" && serverBits > offer.serverBits) {
    return "a larger window than asked for";
  }
  if (serverBits !== Math.min(wishes.windowBits, Number(offer.serverBits ?? 15))) return "another window";
  if (offer.clientBits === undefined) {
    return answer.clientBits === undefined ? undefined : "client_max_window_bits was not offered";
  }
  const hint = offer.clientBits === true ? 15 : offer.clientBits;
  return clientBits === Math.min(hint, wishes.peerWindowBits) ? undefined : "another window of the client";
}

function same(one: DeflateAgreement, other: DeflateAgreement): boolean {
  return one.serverNoContextTakeover === other.serverNoContextTakeover &&
    one.clientNoContextTakeover === other.clientNoContextTakeover &&
    one.serverMaxWindowBits === other.serverMaxWindowBits &&
    one.clientMaxWindowBits === other.clientMaxWindowBits;
}

/** What an answer means to both sides. */
function agreed(answer: Terms): DeflateAgreement {
  return {
    serverNoContextTakeover: answer.serverAfresh === true,
    clientNoContextTakeover: answer.clientAfresh === true,
    serverMaxWindowBits: Number(answer.serverBits ?? 15),
    clientMaxWindowBits: Number(answer.clientBits ?? 15),
  };
}

test("RFC 7692, section 7.1: every offer is answered with what it allows and the server wishes, and with nothing else", () => {
  let answers = 0;
  for (const terms of TERMS) {
    const offers: ExtensionOffer[] = parseExtensions(write(terms))!;
    for (const wishes of WISHES) {
      const accepted = acceptDeflateOffer(offers, wishes);
      const context = () => `${write(terms)} and ${JSON.stringify(wishes)}: ${accepted?.answer}`;
      if (accepted === undefined) throw new Error(context());
      const answer = read(accepted.answer);
      const wrong = wrongIn(answer, terms, wishes);
      if (wrong !== undefined) throw new Error(`${wrong}: ${context()}`);
      if (!same(accepted.agreement, agreed(answer))) {
        throw new Error(`the agreement is another: ${context()}`);
      }
      answers++;
    }
  }
  equal(answers, 360 * 256);
});

test("RFC 7692, section 7.1: whatever client and server wish, both arrive at the same agreement, within both wishes", () => {
  for (const client of WISHES) {
    const offer = deflateOffer(client);
    const offers = parseExtensions(offer)!;
    read(offer);
    for (const server of WISHES) {
      const accepted = acceptDeflateOffer(offers, server)!;
      const agreement = readDeflateAnswer(parseExtensions(accepted.answer)!, client);
      const context = () => `${offer}: ${accepted.answer}: ${JSON.stringify(agreement)}`;
      if (typeof agreement !== "object" || !same(agreement, accepted.agreement)) throw new Error(context());
      const { serverNoContextTakeover, clientNoContextTakeover } = agreement;
      if (serverNoContextTakeover !== (server.noContextTakeover || client.peerNoContextTakeover)) {
        throw new Error(context());
      }
      if (clientNoContextTakeover !== (client.noContextTakeover || server.peerNoContextTakeover)) {
        throw new Error(context());
      }
      const serverBits = Math.min(server.windowBits, client.peerWindowBits);
      const clientBits = Math.min(client.windowBits, server.peerWindowBits);
      if (agreement.serverMaxWindowBits !== serverBits || agreement.clientMaxWindowBits !== clientBits) {
        throw new Error(context());
      }
    }
  }
});

test("RFC 7692, section 5.1: of all answers a client takes those that comply with its offer, and holds to it itself", () => {
  let refused = 0;
  for (const answer of TERMS) {
    const extensions = parseExtensions(write(answer))!;
    for (const wishes of WISHES) {
      const agreement = readDeflateAnswer(extensions, wishes);
      const says = agreed(answer);
      const complies = answer.clientBits !== true && says.serverMaxWindowBits <= wishes.peerWindowBits &&
        (says.serverNoContextTakeover || !wishes.peerNoContextTakeover);
      const context = () => `${write(answer)} and ${JSON.stringify(wishes)}: ${JSON.stringify(agreement)}`;
      if (!complies) {
        if (typeof agreement !== "string" || !agreement.endsWith(".")) throw new Error(context());
        refused++;
        continue;
      }
      const expected: DeflateAgreement = {
        ...says,
        clientNoContextTakeover: says.clientNoContextTakeover || wishes.noContextTakeover,
        clientMaxWindowBits: Math.min(says.clientMaxWindowBits, wishes.windowBits),
      };
      if (typeof agreement !== "object" || !same(agreement, expected)) throw new Error(context());
    }
  }
  ok(refused > 0 && refused < 360 * 256);
});
