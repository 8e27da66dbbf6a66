/** Compressed payloads, one after the other, against a decoder by the letter of RFC 1951 (RFC 7692, section 7.2.2). */
import { oneShotCodec, zlibCodec } from "../../../src/compression/zlib_codec.ts";
import { PermessageDeflate } from "../../../src/permessage_deflate/permessage_deflate.ts";
import { ProtocolError } from "../../../src/protocol/errors.ts";
import { StrictInflater } from "../../permessage_deflate/strict_inflater.ts";
import { agreementOf, BOMBS, CHOICE, finalBlocks, honestPayload, ODD } from "../payloads.ts";
import { hashOf, joined, mutated, type Random } from "../random.ts";
import { Choices, ensure, hexOf, type Target } from "../target.ts";

const LIMITS: readonly number[] = [300, 2000, 40, 0, 65_536, 1, 20_000, 131_072];
// Beyond this the decoder by the letter takes too long.
const STRICT_PAYLOAD = 400;
const STRICT_MESSAGE = 4096;
const MOST_FINAL_BLOCKS = 64;
// What was removed.
const PUT_BACK: readonly number[] = [0x00, 0x00, 0xff, 0xff];

function make(random: Random): Uint8Array {
  const choices = random.bytes(3);
  if (random.once(2)) choices[2] = 0;
  const peer = new PermessageDeflate("client", agreementOf(choices[0]!, choices[1]!), CHOICE, zlibCodec);
  const pieces = [choices];
  for (let count = 1 + random.below(4); count > 0; count--) {
    let payload = honestPayload(peer, random);
    const way = random.below(12);
    if (way === 0) payload = random.bytes(random.below(40));
    else if (way === 1) payload = random.pick(ODD);
    else if (way === 2) payload = joined([random.pick(ODD), payload]);
    else if (way === 3) payload = joined(Array.from({ length: random.below(70) }, () => random.pick(ODD)));
    else if (way === 4 && random.once(4)) payload = random.pick(BOMBS);
    else if (way === 6) payload = finalBlocks(random);
    else if (way === 5) payload = joined([payload, Uint8Array.of(0, 0, 0xff, 0xff), payload]);
    if (random.once(4)) payload = mutated(payload, random, 3);
    pieces.push(Uint8Array.of(payload.length >> 8, payload.length), payload);
  }
  return joined(pieces);
}

type Result = Uint8Array | ProtocolError | undefined;

function described(result: Result): string {
  if (result === undefined) return "nothing";
  return result instanceof ProtocolError
    ? String(result.statusCode)
    : `${result.length} bytes, ${hashOf(result)}`;
}

function check(input: Uint8Array): void {
  const choices = new Choices(input);
  const agreement = agreementOf(choices.byte(), choices.byte());
  const limit = choices.pick(LIMITS);
  const [ours, other] = [zlibCodec, oneShotCodec].map((codec) =>
    new PermessageDeflate("server", agreement, CHOICE, codec)
  );
  const begin = (): StrictInflater =>
    new StrictInflater(agreement.clientMaxWindowBits, !agreement.clientNoContextTakeover);
  const before: Uint8Array[] = [];
  let strict: StrictInflater | undefined = begin();
  let finals = 0;
  while (!choices.done) {
    const payload = choices.take(choices.word()).slice();
    const half = payload.subarray(0, hashOf(payload) % (payload.length + 1));
    const early = ours!.inspect(half, limit);
    const result = own(ours!.decompress(payload, limit));
    const said = described(result);
    const say = (what: string) => () => `${hexOf(payload)}, limit ${limit}: ${said}, ${what}`;
    ensure(early === undefined || result instanceof ProtocolError, say("but its beginning is refused"));
    const again = own(other!.decompress(payload, limit));
    // What is both too long and invalid may be refused as either.
    const bothRefuse = again instanceof ProtocolError && result instanceof ProtocolError;
    ensure(bothRefuse || described(again) === said, say(`with the other codec ${described(again)}`));
    if (result instanceof ProtocolError) {
      ensure(result.statusCode === 1007 || result.statusCode === 1009, say("an unexpected status code"));
      if (strict !== undefined && payload.length <= STRICT_PAYLOAD && result.statusCode === 1007) {
        checkRefused(strict, finals, payload, say);
      }
      return;
    }
    ensure(result.length <= limit, say("more than the limit"));
    if (strict === undefined) continue;
    const small = payload.length <= STRICT_PAYLOAD && result.length <= STRICT_MESSAGE;
    const isCompleted = () => completed(begin, before, payload, said);
    strict = small && checkMessage(strict, payload, said, say, isCompleted) ? strict : undefined;
    finals += strict?.finals ?? 0;
    before.push(payload);
  }
}

/** A copy of what is lent. */
function own(result: Uint8Array | ProtocolError): Uint8Array | ProtocolError {
  return result instanceof ProtocolError ? result : result.slice();
}

type Say = (what: string) => () => string;

/** Returns whether the decoder can continue: it rejects some input that we accept. */
function checkMessage(
  strict: StrictInflater,
  payload: Uint8Array,
  said: string,
  say: Say,
  isCompleted: () => boolean,
): boolean {
  let message: string;
  try {
    message = described(strict.message(payload));
  } catch (error) {
    // A peer that heeds no window, or ends with a final block, hurts nobody who can take it.
    const taken = payload.length === 0 || strict.finals > 0 || String(error).includes("beyond the window") ||
      isCompleted();
    ensure(taken, say(`though ${error}`));
    return false;
  }
  ensure(message === said, say(`by the letter ${message}`));
  return true;
}

/** Whether a final block that has not come whole is made so by what a receiver puts back: it cannot be told apart. */
function completed(
  begin: () => StrictInflater,
  before: readonly Uint8Array[],
  payload: Uint8Array,
  said: string,
): boolean {
  return PUT_BACK.some((_, index) => {
    const strict = begin();
    try {
      for (const each of before) strict.message(each);
      const more = PUT_BACK.slice(0, index + 1);
      return described(strict.message(Uint8Array.from([...payload, ...more, 0]))) === said;
    } catch {
      return false;
    }
  });
}

/** `before` is how many final blocks the messages had that came before. */
function checkRefused(strict: StrictInflater, before: number, payload: Uint8Array, say: Say): void {
  let message: Uint8Array;
  try {
    message = strict.message(payload);
  } catch {
    return;
  }
  // Codes that do not use all their bits are refused by zlib, and by nobody else.
  const taken = before + strict.finals >= MOST_FINAL_BLOCKS || strict.blocks.includes("dynamic");
  ensure(taken, say(`by the letter ${described(message)}`));
}

export const inflate: Target = {
  name: "inflate",
  make,
  check,
  largestArray: () => 4 * 128 * 1024,
};
