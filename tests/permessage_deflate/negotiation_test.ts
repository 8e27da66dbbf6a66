/** Offers and answers (RFC 7692, sections 5 and 7.1), rule by rule. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { parseExtensions } from "../../src/http/header_fields.ts";
import {
  acceptDeflateOffer,
  type DeflateAgreement,
  deflateOffer,
  type DeflateWishes,
  PERMESSAGE_DEFLATE,
  readDeflateAnswer,
} from "../../src/permessage_deflate/negotiation.ts";
import { test } from "../harness.ts";

/** Wants nothing in particular. */
const ANYTHING: DeflateWishes = {
  noContextTakeover: false,
  windowBits: 15,
  peerNoContextTakeover: false,
  peerWindowBits: 15,
};

const NO_LIMITS: DeflateAgreement = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
};

/** What a server with these wishes answers to this header; `undefined` where it goes without. */
function answer(header: string, wishes: Partial<DeflateWishes> = {}): string | undefined {
  const offers = parseExtensions(header);
  ok(offers !== undefined, `${header} is no Sec-WebSocket-Extensions`);
  return acceptDeflateOffer(offers, { ...ANYTHING, ...wishes })?.answer;
}

/** What a client with these wishes makes of this answer. */
function reading(
  header: string,
  wishes: Partial<DeflateWishes> = {},
): DeflateAgreement | string | undefined {
  const extensions = parseExtensions(header);
  ok(extensions !== undefined, `${header} is no Sec-WebSocket-Extensions`);
  return readDeflateAnswer(extensions, { ...ANYTHING, ...wishes });
}

const BITS = [8, 9, 10, 11, 12, 13, 14, 15];

/** What "a decimal integer value without leading zeroes between 8 to 15, inclusive" is not. */
const NO_WINDOW_BITS = [
  ...["7", "16", "0", "00", "08", "010", "015", "0x9", "0xA", "1e1", "-10", "+10", "10.0", "15.5", "9.", "٩"],
  ...["1", "150", "true", "NaN", "Infinity", "none", "9".repeat(400), "1".repeat(400), "0".repeat(399) + "9"],
];

/** Parameters that make an offer one to be declined, and an answer one to fail the connection over. */
const WRONG_PARAMETERS = [
  ...["server_max_window_bits", "client_max_window_bits"].flatMap((name) => [
    ...NO_WINDOW_BITS.filter((value) => value !== "٩").flatMap((value) => [
      `${name}=${value}`,
      `${name}="${value}"`,
    ]),
    `${name}=10; ${name}=10`,
    `${name}=10; ${name}=11`,
    `${name}=10; server_no_context_takeover; ${name}`,
  ]),
  "server_max_window_bits",
  ...["server_no_context_takeover", "client_no_context_takeover"].flatMap((name) => [
    `${name}=true`,
    `${name}=1`,
    `${name}=15`,
    `${name}="1"`,
    `${name}; ${name}`,
  ]),
  ...[
    "foo",
    "foo=1",
    "server_max_window_bit=10",
    "max_window_bits=10",
    "no_context_takeover",
    "mode=deflate",
  ],
  ...["Server_No_Context_Takeover", "SERVER_MAX_WINDOW_BITS=10", "client_max_window_bitS"],
  ...["__proto__", "__proto__=1", "constructor", "toString", "hasOwnProperty=10", "prototype"],
];

test("RFC 7692, section 7.1: an offer without parameters is answered without any", () => {
  equal(answer("permessage-deflate"), "permessage-deflate");
  deepEqual(
    acceptDeflateOffer([{ name: PERMESSAGE_DEFLATE, parameters: [] }], ANYTHING)?.agreement,
    NO_LIMITS,
  );
});

test("RFC 7692, section 7.1.1: server_no_context_takeover is complied with, and announced by a server that wants it", () => {
  const ours = "permessage-deflate; server_no_context_takeover";
  equal(answer("permessage-deflate; server_no_context_takeover"), ours);
  equal(answer("permessage-deflate; server_no_context_takeover", { noContextTakeover: true }), ours);
  equal(answer("permessage-deflate", { noContextTakeover: true }), ours);
});

test("RFC 7692, section 7.1.1.2: client_no_context_takeover is never volunteered, but by a server's own wish", () => {
  for (const noContextTakeover of [true, false]) {
    for (const windowBits of BITS) {
      for (const peerWindowBits of BITS) {
        const wishes = { noContextTakeover, windowBits, peerWindowBits };
        const answered = answer("permessage-deflate; client_max_window_bits", wishes);
        ok(answered !== undefined && !answered.includes("client_no_context_takeover"), answered);
      }
    }
  }
  const ours = "permessage-deflate; client_no_context_takeover";
  equal(answer("permessage-deflate; client_no_context_takeover"), ours);
  equal(answer("permessage-deflate", { peerNoContextTakeover: true }), ours);
});

test("RFC 7692, section 7.1.2.1: server_max_window_bits is answered with the same value or a smaller one", () => {
  for (const asked of BITS) {
    for (const windowBits of BITS) {
      const bits = Math.min(asked, windowBits);
      const ours = `permessage-deflate; server_max_window_bits=${bits}`;
      equal(answer(`permessage-deflate; server_max_window_bits=${asked}`, { windowBits }), ours);
      equal(answer(`permessage-deflate; server_max_window_bits="${asked}"`, { windowBits }), ours);
    }
  }
  equal(answer("permessage-deflate", { windowBits: 12 }), "permessage-deflate; server_max_window_bits=12");
});

test("RFC 7692, section 7.1.2.2: client_max_window_bits is answered only where it was offered, within the hint", () => {
  for (const peerWindowBits of BITS) {
    const ours = peerWindowBits === 15
      ? "permessage-deflate"
      : `permessage-deflate; client_max_window_bits=${peerWindowBits}`;
    equal(answer("permessage-deflate; client_max_window_bits", { peerWindowBits }), ours);
    equal(answer("permessage-deflate", { peerWindowBits }), "permessage-deflate");
    for (const hint of BITS) {
      const bits = Math.min(hint, peerWindowBits);
      equal(
        answer(`permessage-deflate; client_max_window_bits=${hint}`, { peerWindowBits }),
        bits === 15 ? "permessage-deflate" : `permessage-deflate; client_max_window_bits=${bits}`,
      );
    }
  }
});

test("RFC 7692, section 7.1.2.2: a client that cannot be limited may use the largest window", () => {
  const accepted = acceptDeflateOffer(parseExtensions("permessage-deflate")!, {
    ...ANYTHING,
    peerWindowBits: 9,
  });
  equal(accepted?.agreement.clientMaxWindowBits, 15);
});

test("RFC 7692, section 7: an offer with a wrong parameter is declined, and the next one has its turn", () => {
  for (const wrong of WRONG_PARAMETERS) {
    equal(answer(`permessage-deflate; ${wrong}`), undefined, wrong);
    equal(answer(`permessage-deflate; server_no_context_takeover; ${wrong}`), undefined, wrong);
    equal(answer(`permessage-deflate; ${wrong}; client_max_window_bits`), undefined, wrong);
    const fallback = `permessage-deflate; ${wrong}, permessage-deflate; server_max_window_bits=11`;
    equal(answer(fallback), "permessage-deflate; server_max_window_bits=11", wrong);
    equal(answer(`permessage-deflate; ${wrong}, permessage-deflate; foo, x-other`), undefined, wrong);
  }
});

test("RFC 7692, section 7: digits of another script are no window bits", () => {
  for (const name of ["server_max_window_bits", "client_max_window_bits"]) {
    for (const value of NO_WINDOW_BITS) {
      const offer = { name: PERMESSAGE_DEFLATE, parameters: [[name, value]] as const };
      equal(acceptDeflateOffer([offer], ANYTHING), undefined, `${name}=${value}`);
    }
  }
});

test("RFC 7692, section 5: the first offer that can be accepted is, and one alone is answered", () => {
  const cases: [string, string | undefined][] = [
    ["permessage-deflate, permessage-deflate", "permessage-deflate"],
    [
      "permessage-deflate; server_max_window_bits=10, permessage-deflate",
      "permessage-deflate; server_max_window_bits=10",
    ],
    ["permessage-deflate, permessage-deflate; server_max_window_bits=10", "permessage-deflate"],
    [
      "permessage-deflate; client_max_window_bits=10; server_no_context_takeover, permessage-deflate",
      "permessage-deflate; server_no_context_takeover; client_max_window_bits=10",
    ],
    ["x-webkit-deflate-frame, permessage-bzip2; level=9, permessage-deflate", "permessage-deflate"],
    [
      "permessage-deflate; x, permessage-deflate; y, permessage-deflate; z=1, permessage-deflate",
      PERMESSAGE_DEFLATE,
    ],
    ["x-webkit-deflate-frame, permessage-bzip2", undefined],
  ];
  for (const [header, expected] of cases) equal(answer(header), expected, header);
  equal(acceptDeflateOffer([], ANYTHING), undefined);
});

test("RFC 6455, section 9.1: a name in another case, or a longer one, is another extension's", () => {
  for (
    const name of ["Permessage-Deflate", "PERMESSAGE-DEFLATE", "permessage-deflate2", "permessage_deflate"]
  ) {
    equal(answer(name), undefined, name);
    equal(answer(`${name}, permessage-deflate`), "permessage-deflate", name);
  }
});

test("RFC 7692, section 7.1: what a client offers says all that it wishes, and lets its own window be limited", () => {
  const cases: [Partial<DeflateWishes>, string][] = [
    [{}, "permessage-deflate; client_max_window_bits"],
    [{ windowBits: 12 }, "permessage-deflate; client_max_window_bits=12"],
    [{ noContextTakeover: true }, "permessage-deflate; client_max_window_bits; client_no_context_takeover"],
    [
      { peerNoContextTakeover: true },
      "permessage-deflate; client_max_window_bits; server_no_context_takeover",
    ],
    [{ peerWindowBits: 8 }, "permessage-deflate; client_max_window_bits; server_max_window_bits=8"],
    [
      { noContextTakeover: true, windowBits: 9, peerNoContextTakeover: true, peerWindowBits: 10 },
      "permessage-deflate; client_max_window_bits=9; client_no_context_takeover; server_no_context_takeover; " +
      "server_max_window_bits=10",
    ],
  ];
  for (const [wishes, offer] of cases) equal(deflateOffer({ ...ANYTHING, ...wishes }), offer);
});

test("RFC 7692, section 5.1: an answer that breaks a rule cannot be used, and a sentence says why", () => {
  for (const wrong of [...WRONG_PARAMETERS, "client_max_window_bits"]) {
    const read = reading(`permessage-deflate; ${wrong}`);
    ok(typeof read === "string", wrong);
    match(read, /^The server's permessage-deflate is invalid: [a-z].*\.$/);
    ok(read.length < 200, "what the server sent is not repeated");
  }
});

test("RFC 7692, section 6: an answer may not hold the extension twice", () => {
  const read = reading("permessage-deflate, permessage-deflate");
  ok(typeof read === "string");
  match(read, /twice\.$/);
});

test("RFC 7692, section 7.1: an answer must comply with what was asked", () => {
  const asked = { peerNoContextTakeover: true, peerWindowBits: 11 };
  const complies = "server_no_context_takeover; server_max_window_bits";
  const cases: [string, Partial<DeflateWishes>, RegExp][] = [
    [
      "permessage-deflate",
      { peerNoContextTakeover: true },
      /server_no_context_takeover, which was asked for\.$/,
    ],
    [
      "permessage-deflate; client_no_context_takeover",
      { peerNoContextTakeover: true },
      /server_no_context_tak/,
    ],
    ["permessage-deflate", { peerWindowBits: 14 }, /window of 15 bits, where at most 14 .*asked for/],
    ["permessage-deflate; server_no_context_takeover", asked, /window of 15 bits, where at most 11/],
    [`permessage-deflate; ${complies}=12`, asked, /window of 12 bits, where at most 11 .*\.$/],
  ];
  for (const [header, wishes, sentence] of cases) {
    const read = reading(header, wishes);
    ok(typeof read === "string", header);
    match(read, sentence);
  }
  for (const bits of [8, 9, 10, 11]) {
    deepEqual(reading(`permessage-deflate; ${complies}=${bits}`, asked), {
      ...NO_LIMITS,
      serverNoContextTakeover: true,
      serverMaxWindowBits: bits,
    });
  }
});

test("RFC 7692, section 7.1: what a server volunteers is complied with", () => {
  deepEqual(reading("permessage-deflate"), NO_LIMITS);
  deepEqual(reading("permessage-deflate; server_no_context_takeover; server_max_window_bits=9"), {
    ...NO_LIMITS,
    serverNoContextTakeover: true,
    serverMaxWindowBits: 9,
  });
  deepEqual(reading("permessage-deflate; client_no_context_takeover; client_max_window_bits=8"), {
    ...NO_LIMITS,
    clientNoContextTakeover: true,
    clientMaxWindowBits: 8,
  });
});

test("RFC 7692, section 7.1.2.2: a server may ignore the window that a client offered to keep to; the client keeps to it", () => {
  for (const header of ["permessage-deflate", "permessage-deflate; client_max_window_bits=15"]) {
    deepEqual(reading(header, { windowBits: 12 }), { ...NO_LIMITS, clientMaxWindowBits: 12 });
  }
  deepEqual(reading("permessage-deflate", { noContextTakeover: true }), {
    ...NO_LIMITS,
    clientNoContextTakeover: true,
  });
});

test("RFC 7692, section 5.1: no answer is no compression", () => {
  equal(readDeflateAnswer([], ANYTHING), undefined);
});
