import { deepEqual, equal, ok } from "node:assert/strict";
import { FinalResponseReader } from "../../src/http/final_response.ts";
import { test } from "../harness.ts";
import { bytesOf } from "../protocol/frames.ts";

const LIMITS = { maxHeadSize: 200, maxHeaders: 4 };
const EARLY = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
const FINAL = "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n";

test("RFC 9110, section 15.2: interim responses are read past, however the bytes are cut", () => {
  const text = `HTTP/1.1 100 Continue\r\n\r\n${EARLY}${FINAL}`;
  const bytes = bytesOf(`${text}body`);
  for (let cut = 0; cut <= text.length; cut++) {
    const reader = new FinalResponseReader(LIMITS);
    equal(reader.begun, false);
    const first = reader.receive(bytes.subarray(0, cut));
    equal(reader.begun, cut > 0);
    if (cut === text.length) {
      deepEqual([first.head?.status, first.end], [200, cut]);
      continue;
    }
    deepEqual(first, { head: undefined, defect: undefined, end: cut });
    const { head, defect, end } = reader.receive(bytes.subarray(cut));
    deepEqual([head?.status, defect, end], [200, undefined, text.length - cut]);
  }
});

test("101 is final", () => {
  const { head } = new FinalResponseReader(LIMITS).receive(
    bytesOf("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
  );
  equal(head?.status, 101);
});

test("interim responses share the limits with the final one", () => {
  for (const [interim, defect] of [[5, "headers-too-many"], [2, undefined]] as const) {
    const reader = new FinalResponseReader(LIMITS);
    const result = reader.receive(bytesOf(EARLY.repeat(interim) + FINAL));
    equal(result.defect, defect);
    equal(result.head === undefined, defect !== undefined);
  }
  const long = EARLY.replace("</a>", "a".repeat(100));
  ok(
    new FinalResponseReader({ ...LIMITS, maxHeaders: 100 }).receive(bytesOf(long.repeat(2))).defect !==
      undefined,
  );
});
