/** The head of a response, and what the client makes of it (RFC 6455, section 4.1). */
import { acceptKey } from "../../../src/handshake/accept_key.ts";
import { ClientHandshake, type ClientOutcome } from "../../../src/handshake/client_handshake.ts";
import type { HeadLimits } from "../../../src/http/head.ts";
import { ACCEPT, responses } from "../corpus.ts";
import { cutsOf, feed } from "../cuts.ts";
import { head, latin1, latin1Text } from "../heads.ts";
import { joined, mutated, type Random } from "../random.ts";
import { Choices, ensure, type Target } from "../target.ts";

const LIMITS: readonly HeadLimits[] = [
  { maxHeadSize: 16 * 1024, maxHeaders: 100 },
  { maxHeadSize: 300, maxHeaders: 100 },
  { maxHeadSize: 16 * 1024, maxHeaders: 5 },
  { maxHeadSize: 140, maxHeaders: 4 },
];
const PROTOCOLS: readonly (readonly string[])[] = [[], ["chat"], ["chat.v2", "chat", "superchat"]];
const EXTENSIONS = [undefined, "permessage-deflate; client_max_window_bits", "x, permessage-deflate"];
const START_LINES = [
  "HTTP/1.1 101 Switching Protocols",
  "HTTP/1.1 101",
  "HTTP/1.1 101 ",
  "HTTP/1.1 200 OK",
  "HTTP/1.1 403 Forbidden",
  "HTTP/1.1 302 Found",
  "HTTP/1.0 101 Switching Protocols",
  "HTTP/2.0 101 x",
  "HTTP/1.1 99 x",
  "HTTP/1.1 1011 x",
  "ICY 200 OK",
];
const INTERIM = [
  "HTTP/1.1 100 Continue\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
  "HTTP/1.1 102 \r\nA: b\r\nC: d\r\n\r\n",
];

function make(random: Random): Uint8Array {
  const choices = Uint8Array.of(random.once(2) ? 0 : random.below(256), random.below(256), random.below(256));
  let stream: Uint8Array;
  const way = random.below(16);
  if (way === 0) {
    stream = random.bytes(random.below(80));
    if (random.once(2)) stream = joined([latin1("HTTP/1.1 1"), stream]);
  } else if (way < 4) {
    stream = mutated(random.pick(responses), random);
  } else {
    let text = "";
    if (random.once(4)) {
      for (let count = random.below(8); count >= 0; count--) text += random.pick(INTERIM);
    }
    text += head(random, random.once(4) ? random.pick(START_LINES) : START_LINES[0]!, [
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
      ["Sec-WebSocket-Accept", ACCEPT],
    ]);
    if (random.once(4)) text = text.replaceAll("X-Latin: ", " folded ");
    if (random.once(3)) text += "\x81\x05Hello";
    stream = latin1(text);
    if (random.once(5)) stream = mutated(stream, random, 2);
    if (random.once(12)) stream = stream.subarray(0, random.below(stream.length + 1));
  }
  return joined([choices, stream]);
}

/** The stream with the accept key for this client, which is as long as the placeholder. */
function answering(key: string, stream: Uint8Array, text: string): [Uint8Array, string] {
  const accept = acceptKey(key);
  if (!text.includes(ACCEPT)) return [stream, accept];
  return [latin1(text.replaceAll(ACCEPT, accept)), accept];
}

interface Outcome {
  readonly outcome: ClientOutcome | undefined;
  readonly text: string;
  /** What answers its key. */
  readonly accept: string;
}

function described(outcome: ClientOutcome, end: number): string {
  const { head } = outcome;
  if (head === undefined && outcome.kind === "failed") return JSON.stringify(outcome.failure);
  const said = outcome.kind === "open" ? [outcome.protocol, outcome.extensions] : outcome.failure;
  return `${outcome.kind} at ${end}: ${JSON.stringify(said)} ${head!.status} ${head!.reason} ${
    [...head!.headers].join("\n")
  } ${head!.text}`;
}

function run(
  stream: Uint8Array,
  text: string,
  cut: () => number,
  limits: HeadLimits,
  protocols: readonly string[],
  extensions: string | undefined,
): Outcome {
  const handshake = new ClientHandshake({
    host: "localhost",
    resourceName: "/",
    protocols,
    extensions,
    limits,
  });
  const [bytes, accept] = answering(handshake.key, stream, text);
  let outcome: ClientOutcome | undefined;
  let left = 0;
  const handed = feed(bytes, cut, (chunk) => {
    const answer = handshake.receive(chunk);
    if (answer === undefined) return false;
    outcome = answer.outcome;
    left = chunk.length - answer.end;
    ensure(left >= 0 && answer.end >= 0, () => `the head ended at ${answer.end} of ${chunk.length}`);
    return true;
  });
  if (outcome === undefined) {
    ensure(handed <= limits.maxHeadSize, () => `it waits for more, ${handed} bytes of heads being there`);
    const { failure } = handshake.receiveEnd();
    ensure(failure.code === "response-truncated", () => failure.code);
    return { outcome, text: failure.message, accept };
  }
  const end = handed - left;
  ensure(outcome.head === undefined || end <= limits.maxHeadSize, () => `heads of ${end} bytes were read`);
  return { outcome, text: described(outcome, end).replaceAll(accept, ACCEPT), accept };
}

function checkOpen(
  { outcome, accept }: Outcome,
  protocols: readonly string[],
  extensions: string | undefined,
): void {
  if (outcome?.kind !== "open") return;
  const { text } = outcome.head;
  const say = (what: string) => () => `open, though ${what}: ${text}`;
  ensure(/^HTTP\/1\.[1-9] 101(\r\n| )/.test(text), say("there is no 101"));
  const accepts = [...text.matchAll(/\r\nsec-websocket-accept:([^\r]*(?:\r\n[ \t][^\r]*)*)/gi)].map((match) =>
    match[1]!.trim()
  );
  ensure(accepts.length === 1 && accepts[0] === accept, say("nothing answers the key"));
  ensure(/\r\nupgrade:/i.test(text) && /\r\nconnection:/i.test(text), say("a header is missing"));
  ensure(
    outcome.protocol === "" || protocols.includes(outcome.protocol),
    say("the subprotocol was not offered"),
  );
  for (const { name } of outcome.extensions) {
    ensure(extensions?.includes(name) === true, say(`the extension ${name} was not offered`));
  }
}

function check(input: Uint8Array): void {
  const choices = new Choices(input);
  const limits = choices.pick(LIMITS);
  const protocols = choices.pick(PROTOCOLS);
  const extensions = choices.pick(EXTENSIONS);
  const stream = choices.rest();
  const text = latin1Text(stream);
  let first: Outcome | undefined;
  for (const cut of cutsOf(stream)) {
    const outcome = run(stream, text, cut, limits, protocols, extensions);
    first ??= outcome;
    ensure(outcome.text === first.text, () => `one cut: ${first!.text}\nanother: ${outcome.text}`);
  }
  if (first !== undefined) checkOpen(first, protocols, extensions);
}

export const response: Target = {
  name: "response",
  make,
  check,
  largestArray: (input) => Math.max(LIMITS[(input[0] ?? 0) % LIMITS.length]!.maxHeadSize, 8 * 1024),
};
