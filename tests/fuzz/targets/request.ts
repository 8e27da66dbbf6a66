/** The head of a request, and the server's judgement of the opening handshake (RFC 6455, section 4.2). */
import { createHash } from "node:crypto";
import type { HeadLimits } from "../../../src/http/head.ts";
import { REFUSAL_CODES } from "../../../src/handshake/refusal.ts";
import {
  type Judgement,
  type OpeningJudgement,
  ServerHandshake,
} from "../../../src/handshake/server_handshake.ts";
import { acceptanceText, refusalBytes } from "../../../src/handshake/server_response.ts";
import type { AdmissionPolicy } from "../../../src/handshake/admission_policy.ts";
import { readAgain } from "../../../src/handshake/request_target.ts";
import { requests } from "../corpus.ts";
import { cutsOf, feed } from "../cuts.ts";
import { head, latin1, latin1Text } from "../heads.ts";
import { hashOf, joined, mutated, type Random } from "../random.ts";
import { Choices, ensure, type Target } from "../target.ts";

const LIMITS: readonly HeadLimits[] = [
  { maxHeadSize: 16 * 1024, maxHeaders: 100 },
  { maxHeadSize: 512, maxHeaders: 100 },
  { maxHeadSize: 16 * 1024, maxHeaders: 7 },
  { maxHeadSize: 180, maxHeaders: 6 },
];

const POLICIES: readonly AdmissionPolicy[] = [
  {},
  { origins: "any" },
  { origins: ["https://a.example", "https://*.b.example"] },
  { origins: "any", hosts: "loopback" },
  { hosts: ["a.example", "*.b.example", "localhost"] },
];

const START_LINES = [
  "GET / HTTP/1.1",
  "GET /chat?room=1 HTTP/1.1",
  "GET http://localhost/chat HTTP/1.1",
  "GET ws://a.example HTTP/1.1",
  "GET HTTPS://[::1]:443?x HTTP/1.1",
  "POST / HTTP/1.1",
  "HEAD / HTTP/1.1",
  "GET / HTTP/1.0",
  "GET / HTTP/2.0",
  "GET * HTTP/1.1",
  "CONNECT localhost:80 HTTP/1.1",
  "GET /# HTTP/1.1",
];

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const EPOCH = new Date(0);
// RFC 9112, sections 3 to 5, with RFC 9110's tokens and field values.
const REQUEST = /^GET [!-~]+ HTTP\/1\.[1-9]\r\n(?:[!#-'*+.^`|~\w-]+:[\t -~\x80-\xff]*\r\n)*\r\n$/;
const RESPONSE =
  /^(?:HTTP\/1\.1 100 Continue\r\n\r\n)?HTTP\/1\.1 \d{3} [A-Za-z ]*\r\n(?:[!#-'*+.^`|~\w-]+: [\t -~\x80-\xff]*\r\n)*\r\n$/;

function make(random: Random): Uint8Array {
  const choices = Uint8Array.of(random.once(2) ? 0 : random.below(256), random.below(256));
  let stream: Uint8Array;
  const way = random.below(16);
  if (way === 0) {
    stream = random.bytes(random.below(80));
    if (random.once(2)) stream = joined([latin1("GET /"), stream]);
  } else if (way < 5) {
    stream = mutated(random.pick(requests), random);
  } else {
    stream = latin1(
      head(random, random.once(3) ? random.pick(START_LINES) : START_LINES[0]!, [
        ["Host", random.once(4) ? "a.example" : "localhost"],
        ["Upgrade", "websocket"],
        ["Connection", "Upgrade"],
        ["Sec-WebSocket-Key", KEY],
        ["Sec-WebSocket-Version", "13"],
      ]) + (random.once(3) ? "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58" : ""),
    );
    if (random.once(5)) stream = mutated(stream, random, 2);
    if (random.once(12)) stream = stream.subarray(0, random.below(stream.length + 1));
  }
  return joined([choices, stream]);
}

interface Outcome {
  readonly judgement: Judgement | undefined;
  /** All of it, as far as it can be compared. */
  readonly text: string;
}

function run(stream: Uint8Array, cut: () => number, limits: HeadLimits, policy: AdmissionPolicy): Outcome {
  const handshake = new ServerHandshake(limits, policy);
  let judgement: Judgement | undefined;
  let left = 0;
  const handed = feed(stream, cut, (chunk) => {
    const answer = handshake.receive(chunk);
    if (answer === undefined) return false;
    judgement = answer.judgement;
    left = chunk.length - answer.end;
    ensure(left >= 0 && answer.end >= 0, () => `the head ended at ${answer.end} of ${chunk.length}`);
    return true;
  });
  if (judgement === undefined) {
    ensure(handed <= limits.maxHeadSize, () => `it waits for more, ${handed} bytes of a head being there`);
    return { judgement, text: "more" };
  }
  return { judgement, text: described(judgement, handed - left) };
}

function described(judgement: Judgement, end: number): string {
  if (judgement.kind === "refused") {
    const { refusal, head } = judgement;
    return head === undefined
      ? `refused ${refusal.code}`
      : `refused ${refusal.code} at ${end}: ${head.text}: ${[...head.headers].join("\n")}`;
  }
  const { head, authority, resourceName } = judgement.kind === "opening" ? judgement.request : judgement;
  const fields = `${[...head.headers].join("\n")} ${JSON.stringify([authority, resourceName])}`;
  const asked = judgement.kind === "opening"
    ? JSON.stringify([judgement.request.protocols, judgement.request.extensions])
    : "";
  return `${judgement.kind} at ${end}: ${head.text}: ${fields} ${asked}`;
}

/** The fields of a head, as a reader would find them who looks for nothing but lines and colons. */
function fieldsOf(text: string): (name: string) => string[] {
  const lines = text.split("\r\n").slice(1, -2);
  return (name) =>
    lines.filter((line) => line.slice(0, line.indexOf(":")).toLowerCase() === name)
      .map((line) => line.slice(line.indexOf(":") + 1).replace(/^[ \t]+|[ \t]+$/g, ""));
}

function holds(values: string[], token: string): boolean {
  return values.join(",").split(",").some((each) => each.trim().toLowerCase() === token);
}

function checkOpening({ request }: OpeningJudgement, policy: AdmissionPolicy, limits: HeadLimits): void {
  const { text } = request.head;
  const say = (what: string) => () => `accepted, though ${what}`;
  const get = fieldsOf(text);
  ensure(REQUEST.test(text), say("a line is broken, or it is no GET of HTTP/1.1"));
  ensure(text.length <= limits.maxHeadSize, say("its head is too large"));
  ensure(text.split("\r\n").length - 3 <= limits.maxHeaders, say("it has too many headers"));
  ensure(get("host").length === 1, say("it does not have one Host"));
  ensure(holds(get("upgrade"), "websocket"), say("Upgrade does not say so"));
  ensure(holds(get("connection"), "upgrade"), say("Connection does not say so"));
  const keys = get("sec-websocket-key");
  ensure(keys.length === 1 && /^[A-Za-z0-9+/]{22}==$/.test(keys[0]!), say("its key is none"));
  ensure(get("sec-websocket-version").join() === "13", say("its version is another"));
  ensure(get("transfer-encoding").length === 0, say("it has a body"));
  // RFC 9112, section 6.3: a list of the same number, in which RFC 9110, section 5.6.1, allows empty elements.
  const lengths = get("content-length");
  ensure(lengths.length === 0 || /^[,\t ]*0[0,\t ]*$/.test(lengths.join()), say("it has a body"));
  const origins = get("origin");
  ensure(origins.length <= 1, say("it has two origins"));
  if (origins[0] !== undefined && typeof policy.origins === "object") {
    ensure(/^https:\/\/(a|.+\.b)\.example(:0*443|:)?$/i.test(origins[0]), say(`its origin is ${origins[0]}`));
  }
  if (policy.hosts !== undefined) {
    const { host } = request.authority;
    ensure(
      policy.hosts === "loopback"
        ? /^(localhost|.*\.localhost|127\..*|\[::1\])$/.test(host)
        : /^(a\.example|.+\.b\.example|localhost)$/.test(host),
      say(`its host is ${host}`),
    );
  }
  const again = readAgain(text);
  ensure(
    [...again.headers].join("\n") === [...request.head.headers].join("\n") &&
      again.resourceName === request.resourceName && again.authority.host === request.authority.host,
    () => "what is read of the text again is something else",
  );
  const accept = createHash("sha1").update(`${request.key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest(
    "base64",
  );
  const response = acceptanceText(request, { protocol: request.protocols[0] });
  ensure(isHead(response) && response.includes(`\r\nSec-WebSocket-Accept: ${accept}\r\n`), () => response);
}

function isHead(text: string): boolean {
  return RESPONSE.test(text);
}

function checkRefusal(judgement: Extract<Judgement, { kind: "refused" }>): void {
  const { refusal, head } = judgement;
  ensure(REFUSAL_CODES.includes(refusal.code), () => refusal.code);
  ensure(refusal.status >= 400 && refusal.status < 600, () => `status ${refusal.status}`);
  const response = latin1Text(refusalBytes(refusal, head, EPOCH));
  const end = response.indexOf("\r\n\r\n") + 4;
  ensure(isHead(response.slice(0, end)), () => response);
  const length = Number(/\r\nContent-Length: (\d+)\r\n/.exec(response)![1]);
  const body = response.length - end;
  ensure(body === length || (body === 0 && head?.method === "HEAD"), () => response);
}

function check(input: Uint8Array): void {
  const choices = new Choices(input);
  const limits = choices.pick(LIMITS);
  const policy = choices.pick(POLICIES);
  const stream = choices.rest();
  let first: Outcome | undefined;
  for (const cut of cutsOf(stream)) {
    const outcome = run(stream, cut, limits, policy);
    first ??= outcome;
    ensure(outcome.text === first.text, () => `one cut: ${first!.text}\nanother: ${outcome.text}`);
  }
  const judgement = first?.judgement;
  if (judgement?.kind === "opening") checkOpening(judgement, policy, limits);
  else if (judgement?.kind === "refused" && hashOf(input) % 4 === 0) checkRefusal(judgement);
}

export const request: Target = {
  name: "request",
  make,
  check,
  largestArray: (input) => Math.max(LIMITS[(input[0] ?? 0) % LIMITS.length]!.maxHeadSize, 8 * 1024),
};
