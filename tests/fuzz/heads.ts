/** Heads of HTTP messages that are mostly right: lines, and what may be wrong with them. */
import type { Random } from "./random.ts";

/** Each character as one byte. */
export function latin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Each byte as one character. */
export function latin1Text(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

const SPACES = ["", " ", "  ", "\t", " \t "];
const EXTENSION_NAMES = [
  "permessage-deflate",
  "permessage-deflate",
  "permessage-deflate",
  "x",
  "constructor",
  "",
];
const PARAMETERS = [
  "server_no_context_takeover",
  "client_no_context_takeover",
  "server_max_window_bits",
  "client_max_window_bits",
  "client_max_window_bits",
  "__proto__",
  "x",
  "",
];
const VALUES = [
  "8",
  "9",
  "10",
  "11",
  "12",
  "13",
  "14",
  "15",
  "15",
  "7",
  "16",
  "08",
  "1e1",
  "0xA",
  "1000",
  "",
  "x",
  '"10"',
  '"1\\2"',
  '"1\\\\2"',
  '"',
  '"8',
  '"1,2"',
  '"\\"',
  '""',
  "10 ",
  "1 0",
  "-8",
  "８",
];

/** A value of `Sec-WebSocket-Extensions`. */
export function extensionsValue(random: Random): string {
  const space = (): string => random.once(6) ? random.pick(SPACES) : "";
  const offers = Array.from({ length: random.once(12) ? 0 : 1 + random.below(3) }, () => {
    let offer = random.pick(EXTENSION_NAMES);
    for (let count = random.below(4); count > 0; count--) {
      const value = random.below(5);
      offer += `${space()};${space() || " "}${random.pick(PARAMETERS)}`;
      if (value > 1) offer += `${space()}=${space()}${random.pick(VALUES).replace("８", "\xef\xbc\x98")}`;
    }
    return space() + offer + space();
  });
  return offers.join(random.once(10) ? random.pick([",,", " , ", ";", ""]) : ", ");
}

const TOKENS = [
  "chat",
  "chat.v2",
  "superchat",
  "a b",
  "",
  "\xff",
  "x".repeat(300),
  "constructor",
  ",",
  "chat, chat",
];

/** Other values of a header that a defect may put in place of the right one. */
export const WRONG_VALUES: Readonly<Record<string, readonly string[]>> = {
  Host: [
    "",
    "a.example",
    "a.example:8080",
    "[::1]",
    "[::1]:80",
    "[::1",
    "a b",
    "a,b",
    "a.example:65536",
    "127.0.0.1",
    "127.0.0.1.evil.example",
    "c.b.example",
    "evilb.example",
    "LOCALHOST",
    "\xe4",
  ],
  Upgrade: ["WebSocket", "websocket, h2c", "h2c", "", ",websocket,", "websocket/13", "websocke\u00e9"],
  Connection: ["upgrade", "keep-alive, Upgrade", "close", "", ",,Upgrade,", "Upgrade\t", "keep-alive"],
  "Sec-WebSocket-Key": [
    "",
    "AQIDBAUGBwgJCgsMDQ4PEC==",
    "AQIDBAUGBwgJCgsMDQ4PE===",
    "dGhlIHNhbXBsZSBub25jZQ",
    "\x80".repeat(24),
  ],
  "Sec-WebSocket-Version": ["8", "013", "13, 8", "13,13", "", "14", "1 3"],
  "Sec-WebSocket-Accept": [
    "",
    "s3pPLMBiTxaQ9kYGzzhZRbK+xOp=",
    "s3pplmbitxaq9kygzzhzrbk+xoo=",
    "s3pPLMBiTxaQ9kYGzzhZRbK+xO=",
  ],
};

const EXTRA_LINES = [
  "Origin: http://localhost",
  "Origin: https://a.example",
  "Origin: null",
  "Origin: https://evil.example",
  "Origin: https://c.b.example",
  "Origin: https://evilb.example",
  "Content-Length: 0",
  "Content-Length: 5",
  "Content-Length: 5, 5",
  "Content-Length: 5, 6",
  "Content-Length: +5",
  "Content-Length:",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: gzip, chunked",
  "Transfer-Encoding: chunked, gzip",
  "Expect: 100-continue",
  "Accept: application/json;q=1, text/html",
  "Cookie: a=b; c=d",
  "X-Long: " + "y".repeat(400),
  "X-Empty:",
  "__proto__: x",
  "constructor: x",
  "!#$%&'*+-.^_`|~: odd",
  "X-Latin: \xe4\xf6\xfc",
  "X-Tab:\ta\tb\t",
];

const BROKEN_LINES = [
  " folded",
  "\tfolded",
  "No colon",
  "Space : before",
  "Tab\t: before",
  ": no name",
  "N\xe4me: x",
  "Bad(name): x",
  "X-Nul: a\x00b",
  "X-Cr: a\rb",
  "X-Del: \x7f",
  "X-Bell: \x07",
];

/** Lines of a head after a few defects, and the bytes behind it. Most heads are given none or one. */
export function head(
  random: Random,
  startLine: string,
  fields: readonly (readonly [string, string])[],
): string {
  const lines = fields.map(([name, value]) => `${name}: ${value}`);
  let start = startLine;
  let end = "\r\n";
  for (let count = random.pick([0, 1, 1, 1, 2, 3]); count > 0; count--) {
    const at = random.below(lines.length + 1);
    switch (random.below(15)) {
      case 0:
        lines.splice(at, 1);
        break;
      case 1:
        if (at < lines.length) lines.splice(at, 0, lines[at]!);
        break;
      case 2:
      case 3: {
        const name = random.pick(Object.keys(WRONG_VALUES));
        const line = lines.findIndex((each) => each.startsWith(`${name}:`));
        if (line >= 0) lines[line] = `${name}: ${random.pick(WRONG_VALUES[name]!)}`;
        break;
      }
      case 4:
      case 5:
        lines.splice(at, 0, random.pick(EXTRA_LINES));
        break;
      case 6:
        lines.splice(at, 0, random.pick(BROKEN_LINES));
        break;
      case 7:
        if (at < lines.length) {
          lines[at] = random.once(2) ? lines[at]!.toUpperCase() : lines[at]!.toLowerCase();
        }
        break;
      case 8:
        if (at < lines.length) {
          lines[at] = lines[at]!.replace(": ", `:${random.pick(SPACES)}`) + random.pick(SPACES);
        }
        break;
      case 9:
        lines.splice(at, 0, `Sec-WebSocket-Extensions: ${extensionsValue(random)}`);
        break;
      case 10:
        lines.splice(at, 0, `Sec-WebSocket-Protocol: ${random.pick(TOKENS)}`);
        break;
      case 11:
        for (let more = random.pick([3, 10, 100, 101]); more > 0; more--) lines.push(`X-${more}: ${more}`);
        break;
      case 12:
        end = random.pick(["\n", "\r\n", "\r\r\n", "\n\r"]);
        break;
      case 13:
        start = random.pick(["\r\n", "\r\n\r\n", "\n", " ", "\x16\x03\x01", "\x80", "("]) + start;
        break;
      default:
        start = start.replace(
          random.pick(["/", " ", "1", "HTTP"]),
          random.pick(["", " ", "  ", "\t", "#", "\xff", "//"]),
        );
    }
  }
  return [start, ...lines, "", ""].join(end);
}
