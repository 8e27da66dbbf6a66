import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { ClientHandshake, type HandshakeFailureCode } from "../../src/handshake/client_handshake.ts";
import { acceptFor, assertAwaited, bytesOf, clientOptions, excerpt, received, response } from "./support.ts";

const OPTIONS = { protocols: ["chat", "superchat"], extensions: "x, y; z=1" };

interface Failure {
  readonly section: string;
  readonly message: RegExp;
  readonly responses: readonly string[];
}

/** Codes that this room does not give: of a response that ends, and of an extension whose parameters are wrong. */
type OfOthers = "response-truncated" | "extension-parameters";

/** Every code that a response can lead to: one more without a row here is an error of the compiler. */
const FAILURES: Readonly<Record<Exclude<HandshakeFailureCode, OfOthers>, Failure>> = {
  "response-malformed": {
    section: "RFC 9112, section 4",
    message: /malformed|TLS|not HTTP|maxHeadSize|maxHeaders/,
    responses: [
      "\x15\x03\x03\0\x02\x02\x28",
      "\x00\x00\x12\x04",
      "garbage\r\n",
      "HTTP/2.0 101 Switching Protocols\r\n\r\n",
      response().replaceAll("\r\n", "\n"),
      response({}, { more: ["garbage line"] }),
      response({ "Sec-WebSocket-Accept": [] }, { more: ["Sec-WebSocket-Accept : {ACCEPT}"] }),
      response({}, { more: ["X: a\rb"] }),
      response({}, { more: ["X: a\0b"] }),
      response({}, { more: [": a"] }),
      response({}, { line: "HTTP/1.1 0101 Switching Protocols" }),
    ],
  },
  "unexpected-status": {
    section: "RFC 6455, section 4.1",
    message: /^The server answered \d{3}.* instead of 101 Switching Protocols\.$/,
    responses: [200, 204, 301, 302, 401, 403, 404, 426, 500, 503, 999].map((status) =>
      response({}, { line: `HTTP/1.1 ${status} Whatever` })
    ),
  },
  "http-version": {
    section: "RFC 6455, section 4.2.2",
    message: /HTTP\/1\.0/,
    responses: [response({}, { line: "HTTP/1.0 101 Switching Protocols" })],
  },
  "upgrade-missing": {
    section: "RFC 6455, section 4.1",
    message: /Upgrade header does not contain "websocket"/,
    responses: [[], "", "h2c", "websocketx", "web socket", "websoc\u00e2\u0084\u00aaet", "websocket/13"].map(
      (upgrade) => response({ Upgrade: upgrade }),
    ),
  },
  "connection-missing": {
    section: "RFC 6455, section 4.1",
    message: /Connection header does not contain "Upgrade"/,
    responses: [[], "", "close", "keep-alive", "x-upgrade", "upgrade x"].map((connection) =>
      response({ Connection: connection })
    ),
  },
  "accept-missing": {
    section: "RFC 6455, section 4.1",
    message: /no Sec-WebSocket-Accept/,
    responses: [response({ "Sec-WebSocket-Accept": [] })],
  },
  "accept-repeated": {
    section: "RFC 6455, section 11.3.3",
    message: /more than one Sec-WebSocket-Accept/,
    responses: [["{ACCEPT}", "{ACCEPT}"], ["{ACCEPT}", "x"], ["x", "{ACCEPT}"], ["", "{ACCEPT}"]].map((
      accept,
    ) => response({ "Sec-WebSocket-Accept": accept })),
  },
  "accept-mismatch": {
    section: "RFC 6455, section 4.1",
    message: /does not match our key/,
    responses: [
      "",
      "x",
      "{ACCEPT}x",
      "x{ACCEPT}",
      "{ACCEPT}, {ACCEPT}",
      '"{ACCEPT}"',
      "{ACCEPT}=",
      "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
      "\u00e9",
    ].map((accept) => response({ "Sec-WebSocket-Accept": accept })),
  },
  "extension-malformed": {
    section: "RFC 6455, section 9.1",
    message: /has invalid syntax/,
    responses: ["", ",", ";", "x; ", "x y", 'x; a="b', ["x", ";"]].map((extensions) =>
      response({ "Sec-WebSocket-Extensions": extensions })
    ),
  },
  "extension-not-offered": {
    section: "RFC 6455, section 4.1",
    message: /^The server uses extension "[^"]+", which was not offered\.$/,
    responses: ["w", "x, w", "w, x", "X", "z", "constructor", "__proto__", ["x", "w"]].map((extensions) =>
      response({ "Sec-WebSocket-Extensions": extensions })
    ),
  },
  "subprotocol-repeated": {
    section: "RFC 6455, section 11.3.4",
    message: /more than one subprotocol/,
    responses: [["chat", "chat"], ["chat", "superchat"], ["", "chat"]].map((protocol) =>
      response({ "Sec-WebSocket-Protocol": protocol })
    ),
  },
  "subprotocol-not-offered": {
    section: "RFC 6455, section 4.1",
    message: /^The server chose subprotocol ".*", which was not offered\.$/,
    responses: ["", "other", "Chat", "chat, superchat", "chat,", "__proto__", "constructor", "\u00e9"].map(
      (protocol) => response({ "Sec-WebSocket-Protocol": protocol }),
    ),
  },
};

for (const [code, { section, message, responses }] of Object.entries(FAILURES)) {
  test(`${section}: a client fails with ${code}`, () => {
    for (const raw of responses) {
      const { outcome } = received(raw, OPTIONS);
      assert.ok(outcome.kind === "failed", excerpt(raw));
      assert.equal(outcome.failure.code, code, excerpt(raw));
      assert.equal(outcome.failure.section, section, excerpt(raw));
      assert.match(outcome.failure.message, message, excerpt(raw));
      assert.match(outcome.failure.message, /^[A-Z].*[.?]$/, "a whole sentence");
      assert.equal(outcome.head === undefined, code === "response-malformed", excerpt(raw));
    }
  });
}

test("RFC 6455, section 4.1: the right response opens the WebSocket, and what follows is the WebSocket's", () => {
  const frame = "\x81\x02hi";
  const { outcome, rest } = received(response() + frame);
  assert.ok(outcome.kind === "open");
  assert.equal(outcome.protocol, "");
  assert.deepEqual(outcome.extensions, []);
  assert.equal(outcome.head.status, 101);
  assert.equal(outcome.head.minorVersion, 1);
  assert.equal(outcome.head.text.length, response().length - "{ACCEPT}".length + 28);
  assert.equal(rest, frame);
});

test("RFC 6455, section 4.1: names and tokens in any case, lists, white space and a missing reason are right", () => {
  for (
    const raw of [
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {ACCEPT}\r\n\r\n",
      response({ Upgrade: "WebSocket" }),
      response({ Upgrade: "WEBSOCKET" }),
      response({ Connection: "upgrade" }),
      response({ Connection: "keep-alive, upgrade" }),
      response({ Connection: "UPGRADE,keep-alive" }),
      response({ Connection: ["keep-alive", "Upgrade"] }),
      response({ "Sec-WebSocket-Accept": "\t {ACCEPT} \t" }),
      response().replaceAll(": ", ":"),
      response({}, { line: "HTTP/1.1 101 " }),
      response({}, { line: "HTTP/1.1 101" }),
      response({}, { line: "HTTP/1.1 101 Any Words \u00e9" }),
      response({}, { line: "HTTP/1.2 101 Switching Protocols" }),
      response({}, { more: ["__proto__: a", "constructor: b", "X-Empty:", "Content-Length: 0"] }),
      `\r\n${response()}`,
    ]
  ) {
    const { outcome } = received(raw);
    assert.equal(outcome.kind, "open", excerpt(raw));
  }
});

test("RFC 9110, section 7.8: an Upgrade that names another protocol beside websocket fails", () => {
  for (const upgrade of ["h2c, websocket", "websocket, h2c", ["websocket", "h2c"]]) {
    const { outcome } = received(response({ Upgrade: upgrade }));
    assert.equal(outcome.kind, "failed", excerpt(String(upgrade)));
    assert.ok(outcome.kind === "failed");
    assert.equal(outcome.failure.code, "upgrade-missing");
  }
});

test("RFC 6455, section 4.1: subprotocol and extensions are those that were offered", () => {
  const { outcome } = received(
    response({ "Sec-WebSocket-Protocol": " superchat ", "Sec-WebSocket-Extensions": ['y; z="2"; a', "x"] }),
    OPTIONS,
  );
  assert.ok(outcome.kind === "open");
  assert.equal(outcome.protocol, "superchat");
  assert.deepEqual(outcome.extensions, [
    { name: "y", parameters: [["z", "2"], ["a", true]] },
    { name: "x", parameters: [] },
  ]);
});

test("RFC 6455, section 4.1: without an offer any extension and any subprotocol fail", () => {
  for (
    const [name, code] of [
      ["Sec-WebSocket-Extensions", "extension-not-offered"],
      ["Sec-WebSocket-Protocol", "subprotocol-not-offered"],
    ] as const
  ) {
    const { outcome } = received(response({ [name]: "x" }));
    assert.ok(outcome.kind === "failed");
    assert.equal(outcome.failure.code, code);
  }
});

test("RFC 6455, section 4.1: a subprotocol of any length is told in few characters", () => {
  const { outcome } = received(response({ "Sec-WebSocket-Protocol": "a".repeat(10_000) }));
  assert.ok(outcome.kind === "failed");
  assert.equal(
    outcome.failure.message,
    `The server chose subprotocol "${"a".repeat(64)}", which was not offered.`,
  );
});

test("RFC 9110, section 15: another status is told with its reason, and its body is left", () => {
  const denied = received("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
  assert.ok(denied.outcome.kind === "failed");
  assert.equal(
    denied.outcome.failure.message,
    "The server answered 403 Forbidden instead of 101 Switching Protocols.",
  );
  assert.equal(denied.outcome.head?.headers.get("content-length"), "2");
  assert.equal(denied.rest, "no");
  const bare = received("HTTP/1.0 500\r\n\r\n");
  assert.ok(bare.outcome.kind === "failed");
  assert.equal(bare.outcome.failure.message, "The server answered 500 instead of 101 Switching Protocols.");
});

test("RFC 9112, section 2.2: what a malformed response means is told where it is known", () => {
  const rows: [string, RegExp][] = [
    ["\x16\x03\x01", /connect with wss:\/\/ instead of ws:\/\//],
    ["\x15\x03\x01", /connect with wss:\/\/ instead of ws:\/\//],
    ["\x00", /is there a WebSocket server at this address\?/],
    [`HTTP/1.1 101 ${"a".repeat(17_000)}`, /status line is longer than maxHeadSize/],
    [response().slice(0, -2) + "a".repeat(17_000), /headers are larger than maxHeadSize/],
    [response({}, { more: Array<string>(98).fill("a: b") }), /more header lines than maxHeaders/],
    ["SSH-2.0-OpenSSH_9.6\r\n", /malformed \(start-line-malformed\)/],
    [response({}, { more: ["x"] }), /malformed \(header-without-colon\)/],
  ];
  for (const [raw, message] of rows) {
    const { outcome } = received(raw);
    assert.ok(outcome.kind === "failed", excerpt(raw));
    assert.equal(outcome.failure.code, "response-malformed", excerpt(raw));
    assert.match(outcome.failure.message, message);
    assert.match(outcome.failure.message, /[.?]$/);
  }
});

test("RFC 6585, section 5: the limits hold for responses, exactly", () => {
  const size = response().length - "{ACCEPT}".length + 28;
  const limits = { maxHeadSize: size, maxHeaders: 3 };
  assert.equal(received(response() + "\x81\0", { limits }).outcome.kind, "open");
  const small = received(response(), { limits: { ...limits, maxHeadSize: size - 1 } });
  assert.equal(small.outcome.kind, "failed");
  assert.equal(small.decidedAt, size);
  assert.equal(received(response(), { limits: { ...limits, maxHeaders: 2 } }).outcome.kind, "failed");
  const flood = received("HTTP/1.1 101 " + "a".repeat(5000), { limits });
  assert.equal(flood.decidedAt, size + 1);
});

test("RFC 6455, section 4.1: part of a response is awaited", () => {
  const raw = response();
  for (const part of ["", "H", raw.slice(0, -1), raw.slice(0, -2), "HTTP/1.1 100 Continue\r\n\r\n"]) {
    assertAwaited(part);
  }
});

test("RFC 6455, section 4.1: a connection that ends too soon has failed, and the message says how soon", () => {
  const silent = new ClientHandshake(clientOptions()).receiveEnd();
  assert.deepEqual([silent.kind, silent.failure.code, silent.head], [
    "failed",
    "response-truncated",
    undefined,
  ]);
  assert.equal(silent.failure.section, "RFC 6455, section 4.1");
  assert.match(
    silent.failure.message,
    /without an answer: is it a WebSocket server, or does it want wss:\/\/\?/,
  );
  const encrypted = new ClientHandshake(clientOptions()).receiveEnd(true);
  assert.match(encrypted.failure.message, /without an answer: .* client certificate \(the options tls\.cert/);
  const begun = new ClientHandshake(clientOptions());
  begun.receive(bytesOf("HTTP/1.1 101"));
  assert.equal(begun.receiveEnd().failure.code, "response-truncated");
  assert.match(begun.receiveEnd().failure.message, /in the middle of its response\.$/);
});

test("RFC 6455, section 4.1: the answer to another connection's key is no answer", () => {
  const other = new ClientHandshake(clientOptions());
  const handshake = new ClientHandshake(clientOptions());
  const raw = response().replace("{ACCEPT}", acceptFor(other.key));
  const { outcome } = handshake.receive(bytesOf(raw))!;
  assert.ok(outcome.kind === "failed");
  assert.equal(outcome.failure.code, "accept-mismatch");
});

test("RFC 6455, section 4.1: Accept is compared with regard to case", () => {
  const swapped = (text: string): string =>
    [...text].map((each) => each === each.toLowerCase() ? each.toUpperCase() : each.toLowerCase()).join("");
  for (
    const change of [swapped, (text: string) => text.toLowerCase(), (text: string) => text.toUpperCase()]
  ) {
    const handshake = new ClientHandshake(clientOptions());
    const raw = response().replace("{ACCEPT}", change(acceptFor(handshake.key)));
    const { outcome } = handshake.receive(bytesOf(raw))!;
    assert.ok(outcome.kind === "failed");
    assert.equal(outcome.failure.code, "accept-mismatch");
  }
});
