/** Heads of requests and responses, read in every splitting. */
import assert from "node:assert/strict";
import {
  type HeadDefect,
  type HeadLimits,
  type RequestHead,
  RequestHeadReader,
  type ResponseHead,
  ResponseHeadReader,
} from "../../src/http/head.ts";
import { bytesOf, comparable, excerpt, LIMITS, splittings } from "./support.ts";

/** How one stream was read. */
export interface Reading<Head> {
  readonly head: Head | undefined;
  readonly defect: HeadDefect | undefined;
  /** What lies behind the head, if it is whole. */
  readonly rest: string | undefined;
  /** The bytes that were handed over, one by one, until the head was whole or a defect was found. */
  readonly handed: number;
}

interface Reader<Head> {
  readonly defect: HeadDefect | undefined;
  readonly head: Head | undefined;
  readonly size: number;
  receive(chunk: Uint8Array): number;
}

function read<Head>(raw: string, reader: Reader<Head>, pieces: readonly Uint8Array[]): Reading<Head> {
  let handed = 0;
  for (const piece of pieces) {
    const chunk = piece.slice();
    const end = reader.receive(chunk);
    chunk.fill(0xff);
    if (end !== -1) {
      assert.equal(reader.defect, undefined, "a head without a defect");
      assert.ok(end > 0 && end <= chunk.length, "the end lies in the chunk");
      assert.equal(reader.size, handed + end, "the size is that of the head");
      return { head: reader.head, defect: undefined, rest: raw.slice(handed + end), handed: handed + end };
    }
    handed += chunk.length;
    if (reader.defect !== undefined) {
      return { head: undefined, defect: reader.defect, rest: undefined, handed };
    }
    assert.equal(reader.size, handed, "every byte is counted");
  }
  return { head: undefined, defect: undefined, rest: undefined, handed };
}

function readEverySplitting<Head>(raw: string, make: () => Reader<Head>): Reading<Head> {
  const runs = splittings(bytesOf(raw)).map((pieces) => read(raw, make(), pieces));
  for (const run of runs) {
    const about = (reading: Reading<Head>) => comparable({ ...reading, handed: undefined });
    assert.equal(about(run), about(runs[0]!), excerpt(raw));
  }
  return runs[1]!;
}

/** Reads a request's head. */
export function readRequest(raw: string, limits: HeadLimits = LIMITS): Reading<RequestHead> {
  return readEverySplitting(raw, () => new RequestHeadReader(limits));
}

/** Reads a response's head. */
export function readAnswer(raw: string, limits: HeadLimits = LIMITS): Reading<ResponseHead> {
  return readEverySplitting(raw, () => new ResponseHeadReader(limits));
}

/** Reads a request's head that must be valid. */
export function requestHead(raw: string, limits: HeadLimits = LIMITS): RequestHead {
  const { head, defect } = readRequest(raw, limits);
  assert.ok(head !== undefined, `${defect}: ${excerpt(raw)}`);
  return head;
}

/** Reads a response's head that must be valid. */
export function answerHead(raw: string, limits: HeadLimits = LIMITS): ResponseHead {
  const { head, defect } = readAnswer(raw, limits);
  assert.ok(head !== undefined, `${defect}: ${excerpt(raw)}`);
  return head;
}

/** Asserts that a request's head has this defect. */
export function assertRequestDefect(raw: string, defect: HeadDefect, limits: HeadLimits = LIMITS): void {
  assert.equal(readRequest(raw, limits).defect, defect, excerpt(raw));
}

/** Asserts that a response's head has this defect. */
export function assertAnswerDefect(raw: string, defect: HeadDefect, limits: HeadLimits = LIMITS): void {
  assert.equal(readAnswer(raw, limits).defect, defect, excerpt(raw));
}
