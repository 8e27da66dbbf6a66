import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { RequestHeadReader } from "../../src/http/head.ts";
import { bytesOf, FRAME } from "../handshake/support.ts";
import { assertAnswerDefect, readAnswer, readRequest } from "../handshake/readers.ts";

const START = "GET / HTTP/1.1\r\n";

test("RFC 6585, section 5: a head of exactly maxHeadSize bytes is read, one byte more is too large", () => {
  const raw = `${START}Host: localhost\r\nX: ${"a".repeat(50)}\r\n\r\n`;
  const read = (maxHeadSize: number) => readRequest(raw + FRAME, { maxHeadSize, maxHeaders: 10 });
  const exact = read(raw.length);
  assert.equal(exact.head?.text, raw);
  assert.equal(exact.rest, FRAME, "what follows the head does not count");
  assert.equal(read(raw.length + 1).head?.text, raw);
  const less = read(raw.length - 1);
  assert.equal(less.defect, "headers-too-large");
  assert.equal(less.handed, raw.length, "known at the byte that exceeds it");
  assert.equal(read(START.length).defect, "headers-too-large");
  assert.equal(read(START.length - 1).defect, "start-line-too-long");
});

test("RFC 9112, section 3: an endless request line stops at the limit", () => {
  const { defect, handed } = readRequest(`GET /${"a".repeat(5000)}`, { maxHeadSize: 1000, maxHeaders: 10 });
  assert.equal(defect, "start-line-too-long");
  assert.equal(handed, 1001);
  const response = readAnswer(`HTTP/1.1 200 ${"a".repeat(5000)}`, { maxHeadSize: 1000, maxHeaders: 10 });
  assert.equal(response.defect, "start-line-too-long");
  assert.equal(response.handed, 1001);
});

test("RFC 6585, section 5: an endless header line stops at the limit, with or without a colon", () => {
  for (const line of ["X: a", "a", "X: \u00ff", "X: \t", "X: \0"]) {
    const raw = `${START}${line}${line.at(-1)!.repeat(5000)}`;
    const { defect, handed } = readRequest(raw, { maxHeadSize: 1000, maxHeaders: 10 });
    assert.equal(defect, "headers-too-large", line);
    assert.equal(handed, 1001, line);
  }
});

test("RFC 6585, section 5: many small header lines stop at the limit of size", () => {
  const { defect, handed } = readRequest(START + "a: b\r\n".repeat(1000), {
    maxHeadSize: 1000,
    maxHeaders: 10_000,
  });
  assert.equal(defect, "headers-too-large");
  assert.equal(handed, 1001);
});

test("CVE-2024-37890: exactly maxHeaders lines are read, one more is refused, not dropped", () => {
  const limits = { maxHeadSize: 100_000, maxHeaders: 20 };
  const flood = (count: number): string => START + "!!: x\r\n".repeat(count) + "\r\n";
  assert.equal(readRequest(flood(19), limits).head?.headers.size, 19);
  assert.equal(readRequest(flood(20), limits).head?.headers.size, 20);
  const more = readRequest(flood(21), limits);
  assert.equal(more.defect, "headers-too-many");
  assert.equal(more.handed, START.length + 21 * 7);
  assert.equal(readRequest(flood(3000), limits).defect, "headers-too-many");
  assert.equal(readRequest(`${START}\r\n`, { maxHeadSize: 1000, maxHeaders: 0 }).head?.headers.size, 0);
  assertAnswerDefect(`HTTP/1.1 101 \r\n${"a: b\r\n".repeat(21)}\r\n`, "headers-too-many", limits);
});

test("RFC 6585, section 5: lines of one name count each by itself", () => {
  const limits = { maxHeadSize: 1000, maxHeaders: 2 };
  assert.equal(readRequest(`${START}a: 1\r\na: 2\r\n\r\n`, limits).head?.headers.get("a"), "1, 2");
  assert.equal(readRequest(`${START}a: 1\r\na: 2\r\na: 3\r\n\r\n`, limits).defect, "headers-too-many");
});

test("RFC 6585, section 5: a head within a large limit is read, whatever the length of its lines", () => {
  const limits = { maxHeadSize: 2 << 20, maxHeaders: 10 };
  const value = "a".repeat(1 << 20);
  const raw = `${START}Cookie: ${value}\r\n\r\n`;
  for (const size of [raw.length, 1 << 16, 1460]) {
    const reader = new RequestHeadReader(limits);
    const bytes = bytesOf(raw);
    let end = -1;
    for (let position = 0; position < bytes.length; position += size) {
      end = reader.receive(bytes.subarray(position, position + size));
    }
    assert.ok(end > 0, `pieces of ${size}`);
    assert.equal(reader.head?.headers.get("cookie"), value);
    assert.equal(reader.head?.text, raw);
  }
});

test("RFC 6585, section 5: without a limit a head is read as well", () => {
  const raw = `${START}X: ${"a".repeat(1000)}\r\n\r\n`;
  const { head } = readRequest(raw, { maxHeadSize: Infinity, maxHeaders: Infinity });
  assert.equal(head?.text, raw);
});

test("CVE-2023-43669: a long line in tiny pieces is kept once, and never read again", () => {
  const value = "abcdefgh".repeat(8000);
  const reader = new RequestHeadReader({ maxHeadSize: 100_000, maxHeaders: 10 });
  const bytes = bytesOf(`${START}X: ${value}\r\n\r\n`);
  let end = -1;
  for (let i = 0; i < bytes.length; i++) end = reader.receive(bytes.subarray(i, i + 1));
  assert.equal(end, 1);
  assert.equal(reader.head?.headers.get("x"), value);
});

test("RFC 9112, section 2.2: a long line is followed by a short one, and neither is mixed with the other", () => {
  const raw = `${START}A: ${"x".repeat(700)}\r\nB: y\r\nC: ${"z".repeat(300)}\r\n\r\n`;
  const { head } = readRequest(raw);
  assert.deepEqual([...head!.headers], [["a", "x".repeat(700)], ["b", "y"], ["c", "z".repeat(300)]]);
});
