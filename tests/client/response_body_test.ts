/** The body of a response that refuses: where it ends, and what is kept of it. */
import assert from "node:assert/strict";
import { ResponseHeadReader } from "../../src/http/head.ts";
import { ResponseBody } from "../../src/client/response_body.ts";
import { test } from "../harness.ts";
import { bytesOf } from "../hostile/support.ts";

const CHUNKED = "Transfer-Encoding: chunked\r\n";

/** What is kept of a body that comes in pieces of `size` bytes, and whether its end was seen. */
function read(
  { status = 403, fields = "", sent = "", size = Infinity }: {
    status?: number;
    fields?: string;
    sent?: string;
    size?: number;
  },
): { text: string | undefined; isDone: boolean } {
  const reader = new ResponseHeadReader({ maxHeadSize: 4096, maxHeaders: 10 });
  reader.receive(bytesOf(`HTTP/1.1 ${status} No\r\n${fields}\r\n`));
  let isDone = false;
  const body = new ResponseBody(reader.head!, () => void (isDone = true));
  body.push(new Uint8Array(0));
  for (let i = 0; i < sent.length && !isDone; i += size) body.push(bytesOf(sent.slice(i, i + size)));
  body.stop();
  return { text: body.text, isDone };
}

test("RFC 9112, section 6.3: 1xx, 204 and 304 have no body, whatever they say", () => {
  for (const status of [101, 204, 304]) {
    for (const fields of ["", "Content-Length: 10\r\n", CHUNKED]) {
      assert.deepEqual(read({ status, fields }), { text: undefined, isDone: true }, `${status} ${fields}`);
    }
  }
  assert.deepEqual(read({ status: 205 }), { text: undefined, isDone: false });
});

test("RFC 9112, section 6.3: a Content-Length that comes twice counts once, unless the two differ", () => {
  const rows: [fields: string, text: string, isDone: boolean][] = [
    ["Content-Length: 2\r\n", "ab", true],
    ["Content-Length: 2, 2\r\n", "ab", true],
    ["Content-Length: 2\r\nContent-Length: 2\r\nContent-Length: 2 ,2\r\n", "ab", true],
    ["Content-Length: 0000002\r\n", "ab", true],
    ["Content-Length: 2, 3\r\n", "abc", false],
    ["Content-Length: 2, -2\r\n", "abc", false],
    ["Content-Length: 2x, 2x\r\n", "abc", false],
    ["Content-Length: ,\r\n", "abc", false],
    ["Content-Length: 3\r\nTransfer-Encoding: gzip\r\n", "abc", false],
    ["", "abc", false],
  ];
  for (const [fields, text, isDone] of rows) {
    assert.deepEqual(read({ fields, sent: "abc" }), { text, isDone }, fields);
  }
  assert.deepEqual(read({ fields: "Content-Length: 0\r\n" }), { text: undefined, isDone: true });
});

test("RFC 9112, section 7.1: a chunked body is decoded, however it is cut, and ends at its last chunk", () => {
  const rows: [sent: string, text: string | undefined][] = [
    ["0\r\n", undefined],
    ["3\r\nabc\r\n0\r\n", "abc"],
    ["3\r\nabc\r\n0000\r\nX-Trailer: 1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "abc"],
    ["1\r\na\r\n2;name\r\nbc\r\n0;last\r\n\r\n", "abc"],
    ['3 ; name="\xff; 9" ;x\r\nabc\r\n0\t\r\n', "abc"],
    ["000b\r\n3\r\nabc\r\n0\r\n\r\n0\r\n\r\n", "3\r\nabc\r\n0\r\n"],
    ["A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n", "01234567890123456789"],
  ];
  for (const fields of [CHUNKED, "Content-Length: 1\r\ntransfer-encoding: x, Chunked\r\n"]) {
    for (const [sent, text] of rows) {
      for (const size of [Infinity, 1, 2, 3]) {
        assert.deepEqual(read({ fields, sent, size }), { text, isDone: true }, JSON.stringify([sent, size]));
      }
    }
  }
  const whole = "3\r\nabc\r\n0\r\n";
  for (let length = 0; length < whole.length; length++) {
    const { text, isDone } = read({ fields: CHUNKED, sent: whole.slice(0, length) });
    assert.equal(text ?? "", "abc".slice(0, Math.max(0, length - 3)));
    assert.equal(isDone, false);
  }
});

test("RFC 9112, section 7.1: a malformed chunk ends the body there", () => {
  const wrong = [
    "\r\n",
    "x\r\n",
    "-1\r\nb",
    "0x1\r\nb",
    ";a\r\nb",
    " 1\r\nb",
    "1\nb",
    "1;a\nb",
    "1\rb",
    "1;a\r\rb",
    "1.0\r\nb",
    "1\r\nb1\r\nb",
    "1\r\nb\nb",
    "1\r\nb\rb",
  ];
  for (const sent of wrong) {
    for (const size of [Infinity, 1]) {
      const { text, isDone } = read({ fields: CHUNKED, sent: `2\r\naa\r\n${sent}XXXXXXXX`, size });
      assert.equal(text, sent.startsWith("1\r\nb") ? "aab" : "aa", JSON.stringify(sent));
      assert.ok(isDone, JSON.stringify(sent));
    }
  }
});

test("4 KiB are kept of any body, and a chunk may say that it is larger than any number", () => {
  const large = "x".repeat(5000);
  const kept = { text: large.slice(0, 4096), isDone: true };
  const many = "1\r\nx\r\n".repeat(5000);
  for (const size of [Infinity, 1, 1000]) {
    assert.deepEqual(read({ sent: large, size }), kept);
    assert.deepEqual(read({ fields: `Content-Length: ${"9".repeat(400)}\r\n`, sent: large, size }), kept);
    assert.deepEqual(read({ fields: CHUNKED, sent: many, size }), kept);
    for (const length of ["1388", "ffffffff", "20000000000001", "f".repeat(1000)]) {
      assert.deepEqual(read({ fields: CHUNKED, sent: `${length}\r\n${large}`, size }), kept);
    }
  }
});
