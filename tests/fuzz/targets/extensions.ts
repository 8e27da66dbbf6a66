/** `Sec-WebSocket-Extensions`, and what two ends make of it (RFC 6455, section 9.1; RFC 7692, section 7.1). */
import { zlibCodec } from "../../../src/compression/zlib_codec.ts";
import { type ExtensionOffer, parseExtensions } from "../../../src/http/header_fields.ts";
import {
  acceptDeflateOffer,
  type DeflateAgreement,
  deflateOffer,
  type DeflateWishes,
  readDeflateAnswer,
} from "../../../src/permessage_deflate/negotiation.ts";
import { PermessageDeflate } from "../../../src/permessage_deflate/permessage_deflate.ts";
import { extensionsValue, latin1, latin1Text } from "../heads.ts";
import { hashOf, joined, mutated, type Random } from "../random.ts";
import { Choices, ensure, type Target } from "../target.ts";

const TCHAR = "[!#-'*+.^`|~\\w-]";
const NAME = new RegExp(`^[\\t ]*(${TCHAR}+)[\\t ]*$`);
const PARAMETER = new RegExp(
  `^[\\t ]*(${TCHAR}+)[\\t ]*(?:=[\\t ]*(?:(${TCHAR}+)|"((?:\\\\?${TCHAR})+)")[\\t ]*)?$`,
);
const MESSAGE = latin1("to and fro, to and fro, to and fro: é");

/** Wishes of an end, by four choices. */
export function wishesOf(choices: Choices): DeflateWishes {
  const flags = choices.byte();
  const bits = choices.byte();
  return {
    noContextTakeover: (flags & 1) !== 0,
    peerNoContextTakeover: (flags & 2) !== 0,
    windowBits: 8 + (bits & 7),
    peerWindowBits: 8 + ((bits >> 3) & 7),
  };
}

function make(random: Random): Uint8Array {
  let text = latin1(random.once(24) ? latin1Text(random.bytes(random.below(40))) : extensionsValue(random));
  if (random.once(4)) text = mutated(text, random, 3);
  return joined([random.bytes(4), text]);
}

/** The same as the library reads, by splitting and regular expressions. */
function readPlainly(text: string): ExtensionOffer[] | undefined {
  const offers: ExtensionOffer[] = [];
  for (const element of text.split(",")) {
    if (/^[\t ]*$/.test(element)) continue;
    const [first, ...rest] = element.split(";");
    const name = NAME.exec(first!)?.[1];
    if (name === undefined) return undefined;
    const parameters: [string, string | true][] = [];
    for (const each of rest) {
      const match = PARAMETER.exec(each);
      if (match === null) return undefined;
      const [, parameter, token, quoted] = match;
      parameters.push([parameter!, token ?? quoted?.replaceAll("\\", "") ?? true]);
    }
    offers.push({ name, parameters });
  }
  return offers.length > 0 ? offers : undefined;
}

const KNOWN = /^(server|client)_(no_context_takeover|max_window_bits)$/;

/** The parameters of an offer that RFC 7692, section 7.1, allows; `undefined` of one that it does not. */
function lawful({ name, parameters }: ExtensionOffer): Map<string, string | true> | undefined {
  const read = new Map<string, string | true>();
  for (const [parameter, value] of parameters) {
    const bits = parameter.endsWith("bits");
    const fits = bits
      ? /^([89]|1[0-5])$/.test(String(value)) || (value === true && parameter.startsWith("client"))
      : value === true;
    if (!KNOWN.test(parameter) || !fits || read.has(parameter)) return undefined;
    read.set(parameter, value);
  }
  return name === "permessage-deflate" ? read : undefined;
}

function checkAgreement(agreement: DeflateAgreement, what: string): void {
  for (const bits of [agreement.serverMaxWindowBits, agreement.clientMaxWindowBits]) {
    ensure(Number.isInteger(bits) && bits >= 8 && bits <= 15, () => `${what}: a window of ${bits} bits`);
  }
}

/** What one end compresses the other one understands. */
function roundTrip(agreement: DeflateAgreement): void {
  const choice = { level: 1, threshold: 0 };
  const server = new PermessageDeflate("server", agreement, choice, zlibCodec);
  const client = new PermessageDeflate("client", agreement, choice, zlibCodec);
  for (const [from, to] of [[server, client], [client, server], [server, client]] as const) {
    const payload = from.compressFragment(MESSAGE, true).slice();
    const message = to.decompress(payload, MESSAGE.length);
    ensure(
      message instanceof Uint8Array && hashOf(message) === hashOf(MESSAGE),
      () => `${JSON.stringify(agreement)}: ${message}`,
    );
  }
}

function checkServer(offers: readonly ExtensionOffer[], wishes: DeflateWishes, text: string): void {
  const accepted = acceptDeflateOffer(offers, wishes);
  const chosen = offers.map(lawful).find((each) => each !== undefined);
  const say = () => `${text}, ${JSON.stringify(wishes)}: ${JSON.stringify(accepted)}`;
  ensure((accepted === undefined) === (chosen === undefined), say);
  if (accepted === undefined || chosen === undefined) return;
  const { agreement, answer } = accepted;
  checkAgreement(agreement, text);
  const answered = lawful(readPlainly(answer)?.[0] ?? { name: "", parameters: [] });
  ensure(answered !== undefined, say);
  const bits = (of: Map<string, string | true>, side: string): number =>
    Number(of.get(`${side}_max_window_bits`) ?? 15);
  const afresh = (of: Map<string, string | true>, side: string): boolean =>
    of.has(`${side}_no_context_takeover`);
  ensure(
    bits(answered, "server") === agreement.serverMaxWindowBits &&
      bits(answered, "client") === agreement.clientMaxWindowBits &&
      afresh(answered, "server") === agreement.serverNoContextTakeover &&
      afresh(answered, "client") === agreement.clientNoContextTakeover,
    say,
  );
  ensure(agreement.serverMaxWindowBits <= Math.min(bits(chosen, "server"), wishes.windowBits), say);
  ensure(agreement.serverNoContextTakeover || !(afresh(chosen, "server") || wishes.noContextTakeover), say);
  ensure(chosen.has("client_max_window_bits") || !answered.has("client_max_window_bits"), say);
  ensure(!chosen.has("server_max_window_bits") || answered.has("server_max_window_bits"), say);
}

function checkClient(answers: readonly ExtensionOffer[], wishes: DeflateWishes, text: string): void {
  const agreement = readDeflateAnswer(answers, wishes);
  const say = () => `${text}, ${JSON.stringify(wishes)}: ${JSON.stringify(agreement)}`;
  const answer = lawful(answers[0]!);
  if (typeof agreement !== "object") {
    ensure(typeof agreement === "string" && agreement.endsWith("."), say);
    return;
  }
  checkAgreement(agreement, text);
  ensure(answers.length === 1 && answer !== undefined, say);
  ensure(answer.get("client_max_window_bits") !== true, say);
  ensure(agreement.serverMaxWindowBits <= wishes.peerWindowBits, say);
  ensure(agreement.serverNoContextTakeover || !wishes.peerNoContextTakeover, say);
  ensure(agreement.clientMaxWindowBits <= wishes.windowBits, say);
  ensure(agreement.clientNoContextTakeover || !wishes.noContextTakeover, say);
  ensure(!answer.has("server_no_context_takeover") === !agreement.serverNoContextTakeover, say);
  if (hashOf(latin1(text)) % 16 === 0) roundTrip(agreement);
}

/** A client of ours and a server of ours always agree, and on the same. */
function checkOurs(client: DeflateWishes, server: DeflateWishes): void {
  const accepted = acceptDeflateOffer(readPlainly(deflateOffer(client))!, server);
  const read = accepted && readDeflateAnswer(readPlainly(accepted.answer)!, client);
  ensure(
    typeof read === "object" && JSON.stringify(read) === JSON.stringify(accepted!.agreement),
    () => `${JSON.stringify([client, server])}: ${accepted?.answer}: ${JSON.stringify(read)}`,
  );
}

function check(input: Uint8Array): void {
  const choices = new Choices(input);
  const server = wishesOf(choices);
  const client = wishesOf(choices);
  const text = latin1Text(choices.rest());
  const offers = parseExtensions(text);
  const plainly = readPlainly(text);
  ensure(
    JSON.stringify(offers) === JSON.stringify(plainly),
    () => `${JSON.stringify(text)}: ${JSON.stringify(offers)} and not ${JSON.stringify(plainly)}`,
  );
  if (offers === undefined) return;
  checkServer(offers, server, text);
  if (offers.every(({ name }) => name === "permessage-deflate")) checkClient(offers, client, text);
  checkOurs(client, server);
}

export const extensions: Target = {
  name: "extensions",
  make,
  check,
  largestArray: () => 256 * 1024,
};
