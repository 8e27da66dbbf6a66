/**
 * Work that grows with the square of what a peer sends: advisories of that class. Nothing is timed: each input is so long
 * that who reads it more than a few times would need hours, and the runner ends the test long before.
 */
import assert from "node:assert/strict";
import { HeaderFields } from "../../src/http/header_fields.ts";
import { RequestHeadReader } from "../../src/http/head.ts";
import { Protocol, type ProtocolClose } from "../../src/protocol/protocol.ts";
import { amount, test } from "../harness.ts";
import { exchange, REQUEST, request } from "../raw_peer.ts";
import {
  acceptance,
  attackClient,
  BINARY,
  BYE,
  bytesOf,
  clientFrame,
  closeCodeIn,
  CONTINUATION,
  ECHO,
  failClient,
  Flooder,
  framesIn,
  heard,
  PING,
  PONG,
  serverFrame,
  serving,
  TEXT,
} from "./support.ts";

// Squared, this is 16 million million steps.
const LONG = amount(4, 1) * 1024 * 1024;
const LARGE = { maxHeadSize: 8 * LONG, maxHeaders: 1_000_000, handshakeTimeout: 110_000 };

/** The statuses with which requests are answered that have one header with these values. */
async function statuses(name: string, values: readonly string[]): Promise<number[]> {
  const answers: number[] = [];
  await serving(LARGE, ECHO, async ({ port }) => {
    for (const value of values) {
      answers.push(heard(await exchange(port, request({ [name]: value }) + BYE)).status);
    }
  });
  return answers;
}

test("CVE-2021-32640 (ws): white space and commas in Sec-WebSocket-Protocol are read once", async () => {
  assert.deepEqual(
    await statuses("Sec-WebSocket-Protocol", [
      `b${" ".repeat(LONG)}x`,
      `b${"\t ".repeat(LONG / 2)},x`,
      `b${" ,".repeat(LONG / 2)}x`,
      "a,".repeat(LONG / 2),
    ]),
    [400, 101, 101, 101],
  );
});

test("CVE-2020-7662, CVE-2020-7663 (websocket-extensions): quoted strings that do not end, and lists without end, are read once", async () => {
  assert.deepEqual(
    await statuses("Sec-WebSocket-Extensions", [
      `a; b="${"\\c".repeat(LONG / 2)}`,
      `a; b="${"\\c".repeat(LONG / 2)}"e`,
      `a; b="${"\\".repeat(LONG)}`,
      `a${" ".repeat(LONG)}b`,
      `a${";b".repeat(LONG / 2)}`,
      `permessage-deflate${"; client_max_window_bits".repeat(LONG / 32)}`,
      "permessage-deflate; x, ".repeat(LONG / 32),
    ]),
    [400, 400, 400, 400, 101, 101, 101],
  );
});

test("CVE-2020-7662 (websocket-extensions): with compression on, offers without end are judged once each", async () => {
  await serving({ ...LARGE, compression: true }, ECHO, async ({ port }) => {
    const offers = "permessage-deflate; x, ".repeat(LONG / 32) +
      "permessage-deflate; server_max_window_bits=10";
    const { head } = heard(await exchange(port, request({ "Sec-WebSocket-Extensions": offers }) + BYE));
    assert.match(head, /server_max_window_bits=10/);
  });
});

test("CVE-2023-26103 (Deno): runs of white space and commas in Connection and Upgrade are read once", async () => {
  for (const [name, token] of [["Connection", "Upgrade"], ["Upgrade", "websocket"]] as const) {
    assert.deepEqual(
      await statuses(name, [
        `x${"\t".repeat(LONG)}y`,
        `x${"\t".repeat(LONG)},${token}`,
        `${" ,".repeat(LONG / 2)}${token}`,
        `x${",".repeat(LONG)}y`,
      ]),
      [426, 101, 101, 426],
      name,
    );
  }
});

test("the class of CVE-2021-32640 (ws): every other header that is looked at is read once", async () => {
  const run = "a.".repeat(LONG / 2);
  assert.deepEqual(await statuses("Host", [run, ":".repeat(LONG), `[${":".repeat(LONG)}]`]), [421, 400, 400]);
  assert.deepEqual(await statuses("Origin", [`http://${run}`, "://".repeat(LONG / 3)]), [403, 403]);
  assert.deepEqual(await statuses("Content-Length", ["0,".repeat(LONG / 2) + "1", "9".repeat(LONG)]), [
    400,
    400,
  ]);
  assert.deepEqual(await statuses("Transfer-Encoding", ["a,".repeat(LONG / 2) + "chunked"]), [400]);
  assert.deepEqual(await statuses("Expect", [" ,".repeat(LONG / 2)]), [101]);
  assert.deepEqual(await statuses("Cookie", [" ".repeat(LONG), "A".repeat(LONG)]), [101, 101]);
  await serving(LARGE, ECHO, async ({ port }) => {
    const refused = request({
      Accept: "a;b,".repeat(LONG / 4) + "application/json",
      "Sec-WebSocket-Key": "x",
    });
    assert.match(heard(await exchange(port, refused)).head, /\r\nContent-Type: application\/json\r\n/);
    for (const target of [`/${"a".repeat(LONG)}`, `http://localhost/${"?".repeat(LONG)}`]) {
      assert.equal(heard(await exchange(port, request({}, `GET ${target} HTTP/1.1`) + BYE)).status, 101);
    }
  });
});

test("the class of CVE-2021-32640 (ws): as many header lines as there may be, all alike or all different, are read once", async () => {
  const count = 200_000;
  await serving(LARGE, ECHO, async ({ port }) => {
    for (const name of ["Connection", "Upgrade", "X"]) {
      const more = `${name}: a\r\n`.repeat(count);
      const text = REQUEST.replace("\r\n", `\r\n${more}`);
      assert.equal(heard(await exchange(port, text + BYE)).status, 101, name);
    }
  });
  const headers = new HeaderFields();
  for (let line = 0; line < count; line++) headers.append("x", "a");
  assert.equal(headers.get("x")!.length, 3 * count - 2);
});

test("CVE-2023-43669 (tungstenite): a head that comes in chunks of one byte is read once, be it one line or many", () => {
  // A socket would join them: this is the reader itself.
  const limits = { maxHeadSize: 2 * LONG, maxHeaders: 1_000_000 };
  const heads = [
    `GET / HTTP/1.1\r\nx: ${"y".repeat(LONG / 2)}\r\n\r\n`,
    `GET / HTTP/1.1\r\n${"x: y\r\n".repeat(LONG / 16)}\r\n`,
    `GET /${"a".repeat(LONG / 4)} HTTP/1.1\r\nx: y\r\n\r\n`,
  ];
  for (const head of heads) {
    const bytes = bytesOf(head);
    const reader = new RequestHeadReader(limits);
    let end = -1;
    for (let at = 0; at < bytes.length; at++) end = reader.receive(bytes.subarray(at, at + 1));
    assert.deepEqual([end, reader.defect], [1, undefined]);
    assert.equal(reader.head!.text.length, head.length);
  }
});

test("CVE-2023-43669 (tungstenite): a client reads a long response once, too", async () => {
  const error = await failClient(
    `HTTP/1.1 404 ${"x".repeat(LONG)}\r\n${"a: b\r\n".repeat(100_000)}Server: ${
      " ,".repeat(LONG / 2)
    }x\r\n\r\n`,
    LARGE,
  );
  assert.equal(error.status, 404);
  const odd = [
    `Sec-WebSocket-Extensions: a; b="${"\\c".repeat(LONG / 2)}\r\n`,
    `Sec-WebSocket-Extensions: ${"a,".repeat(LONG / 2)}b\r\n`,
    `Sec-WebSocket-Protocol: ${"a,".repeat(LONG / 2)}\r\n`,
    `Connection: ${" ,".repeat(LONG / 2)}\r\nSec-WebSocket-Accept: x\r\n`,
  ];
  for (const line of odd) {
    const { reason } = await failClient((request) => acceptance(request, line), LARGE);
    assert.match(
      reason,
      /^(extension-malformed|extension-not-offered|subprotocol-not-offered|accept-repeated)$/,
    );
  }
});

test("CVE-2023-43669 (tungstenite): a header that a server folds into a million lines is put together once", async () => {
  // Folded lines do not count as headers of their own.
  const folded = `HTTP/1.1 404 No\r\nServer: y\r\n${" z\r\n".repeat(LONG / 4)}Content-Length: 0\r\n\r\n`;
  const { status, headers } = await failClient(folded, LARGE);
  assert.deepEqual([status, new Map(headers).get("server")!.length], [404, 1 + LONG / 2]);
});

test("CVE-2023-43669 (tungstenite): a message in chunks of one byte is read once, masked and checked for UTF-8 on the way", () => {
  const got: (string | Uint8Array)[] = [];
  const protocol = new Protocol("server", {
    write: () => true,
    message: (data) => void got.push(data),
    ping() {},
    pong() {},
    finish() {},
  }, { maxMessageSize: LONG, maxFragments: LONG });
  const text = "é".repeat(LONG / 4);
  for (const opcode of [TEXT, BINARY]) {
    const bytes = bytesOf(clientFrame({ opcode, payload: text }));
    for (let at = 0; at < bytes.length; at++) protocol.receive(bytes.subarray(at, at + 1));
  }
  assert.equal(got[0], text);
  assert.equal(got[1]!.length, LONG / 2);
});

test("the class of fragments: a message of as many fragments as there may be is put together once, echo included", async () => {
  await serving({ maxMessageSize: LONG, maxFragments: LONG }, ECHO, async ({ port }) => {
    const flooder = await Flooder.open(port);
    const [begin, one, two, end] = [
      clientFrame({ opcode: TEXT, fin: false, payload: "x" }),
      clientFrame({ opcode: CONTINUATION, fin: false, payload: Uint8Array.of(0xc3) }),
      clientFrame({ opcode: CONTINUATION, fin: false, payload: Uint8Array.of(0xa9) }),
      clientFrame({ opcode: CONTINUATION }),
    ];
    await flooder.pour(bytesOf(begin));
    await flooder.pour(bytesOf((one + two).repeat(5000)), 100);
    await flooder.pour(bytesOf(end + BYE));
    const frames = framesIn(heard(await flooder.peer.untilEnd()).rest);
    assert.deepEqual([frames.length, closeCodeIn(frames), frames[0]!.payload.length], [2, 1000, 1_000_001]);
    await flooder.destroy();
  });
});

test("the class of fragments: a compressed message in fragments is not inflated anew at each of them", async () => {
  const stored = (size: number): string =>
    "\x00" + String.fromCharCode(size & 255, size >> 8, ~size & 255, (~size >> 8) & 255);
  const block = bytesOf(stored(1) + "x");
  const limits = { maxMessageSize: 4 * 2 ** 20, maxFragments: 4 * 2 ** 20 };
  await serving({ compression: true, ...limits }, {
    message: (socket, { length }) => socket.send(`${length} bytes`),
  }, async ({ port }) => {
    const flooder = await Flooder.open(port, request({ "Sec-WebSocket-Extensions": "permessage-deflate" }));
    const fragment = clientFrame({ opcode: CONTINUATION, fin: false, payload: block });
    await flooder.pour(bytesOf(clientFrame({ opcode: BINARY, rsv: 4, fin: false, payload: block })));
    await flooder.pour(bytesOf(fragment.repeat(5000)), 40);
    await flooder.pour(bytesOf(clientFrame({ opcode: CONTINUATION, payload: Uint8Array.of(0) })));
    await flooder.peer.until("200001 bytes");
    await flooder.destroy();
  });
});

test("CVE-2025-5399 (curl), CVE-2020-13935 (Tomcat): whatever comes, reading it goes on or ends; nothing is looked at for ever", () => {
  // A socket adds nothing: this is what it would call. Every first byte of a frame, before the lengths where something changes.
  const ends: ProtocolClose[] = [];
  const lengths = [0, 1, 2, 12, 125, 126, 127].flatMap((length) => [length, 128 + length]);
  for (const role of ["server", "client"] as const) {
    for (let first = 0; first < 256; first++) {
      for (const second of lengths) {
        const protocol = new Protocol(role, {
          write: () => true,
          message() {},
          ping() {},
          pong() {},
          finish: (close) => void ends.push(close),
        }, { maxMessageSize: 1000, maxFragments: 10 });
        const head = String.fromCharCode(first, second);
        protocol.receive(bytesOf(head + "\xff".repeat(12)));
        protocol.receive(bytesOf(head + "\0".repeat(12) + head));
        protocol.receiveEnd();
      }
    }
  }
  assert.equal(ends.length, 2 * 256 * lengths.length);
});

test("CVE-2025-5399 (curl): a million empty control frames are as many steps, at both ends", async () => {
  const maxControlFrames = Infinity;
  await serving({ maxControlFrames }, ECHO, async ({ port }) => {
    const flooder = await Flooder.open(port);
    const some = bytesOf((clientFrame({ opcode: PING }) + clientFrame({ opcode: PONG })).repeat(5000));
    await flooder.pour(some, 50);
    await flooder.pour(bytesOf(BYE));
    const { rest } = heard(await flooder.peer.untilEnd());
    assert.ok(rest.endsWith("\x88\x02\x03\xe8"));
    await flooder.destroy();
  });
  const flood = serverFrame({ opcode: PONG }).repeat(500_000);
  const end = serverFrame({ opcode: 8, payload: Uint8Array.of(3, 232) });
  assert.equal((await attackClient(flood + end, { maxControlFrames })).close.code, 1000);
});
