import { Buffer } from "node:buffer";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { test } from "../harness.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";
import { MessageAssembler, type MessageLimits } from "../../src/protocol/message_assembler.ts";
import { allocations, bytesOf, fromHex, hex, noise } from "./frames.ts";

const [CONTINUATION, TEXT, BINARY] = [0, 1, 2];

function assembler(limits: Partial<MessageLimits> = {}): MessageAssembler {
  return new MessageAssembler({ maxMessageSize: 1 << 20, maxFragments: 1 << 20, ...limits });
}

type Answer = string | Uint8Array | ProtocolError | undefined;

/** One frame whole, with a byte on either side that is none of its own. */
function frame(to: MessageAssembler, opcode: number, payload: string | Uint8Array, fin: boolean): Answer {
  const bytes = bytesOf([0xff], payload, [0xff]);
  const error = to.begin(opcode, bytes.length - 2, false, fin);
  if (error !== undefined) return error;
  const seen = bytes.subarray(1, -1).reduce((all, byte) => all | byte, 0);
  return to.add(bytes, 1, bytes.length - 1, seen, fin);
}

function refused(answer: Answer, statusCode: number, section: string, message: RegExp): void {
  ok(answer instanceof ProtocolError, "accepted");
  equal(answer.statusCode, statusCode);
  equal(answer.section, `RFC 6455, section ${section}`);
  match(answer.message, message);
}

test("RFC 6455, section 5.4: busy from the first fragment to the last, empty ones too", () => {
  const messages = assembler();
  equal(messages.busy, false);
  for (const opcode of [TEXT, BINARY]) {
    equal(frame(messages, opcode, "", false), undefined);
    equal(messages.busy, true);
    equal(frame(messages, CONTINUATION, "", false), undefined);
    equal(messages.busy, true);
    equal((frame(messages, CONTINUATION, "", true) as string | Uint8Array).length, 0);
    equal(messages.busy, false);
  }
});

test("RFC 6455, section 5.4: nothing to continue, and nothing between the fragments", () => {
  refused(assembler().begin(CONTINUATION, 0), 1002, "5.4", /no message to continue/);
  for (const opcode of [TEXT, BINARY]) {
    const messages = assembler();
    frame(messages, opcode, "", false);
    refused(messages.begin(TEXT, 0), 1002, "5.4", /before the one before it/);
    refused(messages.begin(BINARY, 0), 1002, "5.4", /before the one before it/);
    frame(messages, CONTINUATION, "", true);
    refused(messages.begin(CONTINUATION, 0), 1002, "5.4", /no message to continue/);
  }
});

test("RFC 6455, section 5.4: one message after the other, with nothing left of the one before", () => {
  const messages = assembler();
  for (let round = 0; round < 3; round++) {
    equal(frame(messages, TEXT, "é", false), undefined);
    equal(frame(messages, CONTINUATION, "è", true), "éè");
    equal(frame(messages, TEXT, "plain", false), undefined);
    equal(frame(messages, CONTINUATION, " ASCII", true), "plain ASCII");
    equal(frame(messages, BINARY, fromHex("ff"), false), undefined);
    deepEqual(frame(messages, CONTINUATION, fromHex("fe"), true), fromHex("fffe"));
    equal(frame(messages, TEXT, "whole", true), "whole");
    deepEqual(frame(messages, BINARY, fromHex("80"), true), fromHex("80"));
  }
});

test("RFC 6455, section 10.4: the limit holds for the sum of what the headers announce", () => {
  const limits = { maxMessageSize: 10 };
  equal(assembler(limits).begin(BINARY, 10), undefined);
  refused(assembler(limits).begin(BINARY, 11), 1009, "7.4.1", /limit of 10 bytes/);
  refused(assembler(limits).begin(TEXT, 2 ** 53 - 1), 1009, "7.4.1", /limit of 10 bytes/);
  const messages = assembler(limits);
  for (let round = 0; round < 2; round++) {
    frame(messages, BINARY, noise(4), false);
    frame(messages, CONTINUATION, noise(6), false);
    frame(messages, CONTINUATION, "", false);
    if (round === 0) equal((frame(messages, CONTINUATION, "", true) as Uint8Array).length, 10);
  }
  refused(messages.begin(CONTINUATION, 1), 1009, "7.4.1", /limit of 10 bytes/);
  const unfinished = assembler(limits);
  equal(unfinished.begin(BINARY, 7), undefined);
  refused(unfinished.begin(CONTINUATION, 4), 1009, "7.4.1", /limit/);
});

test("RFC 6455, section 10.4: fragments are counted, empty ones included, for each message anew", () => {
  const messages = assembler({ maxFragments: 3 });
  for (let round = 0; round < 3; round++) {
    frame(messages, TEXT, "", false);
    frame(messages, CONTINUATION, "a", false);
    equal(frame(messages, CONTINUATION, "", true), "a");
  }
  frame(messages, TEXT, "", false);
  frame(messages, CONTINUATION, "", false);
  frame(messages, CONTINUATION, "", false);
  refused(messages.begin(CONTINUATION, 0), 1008, "7.4.1", /limit of 3 fragments/);
  equal(assembler({ maxFragments: 1 }).begin(TEXT, 0), undefined);
});

test("RFC 6455, section 6.2: a message is the owner's: a plain Uint8Array, exact, with memory of its own", () => {
  for (
    const pieces of [[5], [0], [3, 4], [1, 0, 2], [700, 700], [512, 512], [1024, 1024], [1000, 24, 1024]]
  ) {
    const messages = assembler();
    const payload = noise(pieces.reduce((sum, piece) => sum + piece, 0));
    let start = 0;
    let answer: Answer;
    pieces.forEach((size, i) => {
      const chunk = Buffer.from(payload.slice(start, start + size));
      start += size;
      messages.begin(i === 0 ? BINARY : CONTINUATION, size);
      answer = messages.add(chunk, 0, size, 0xff, i === pieces.length - 1);
      chunk.fill(0);
    });
    ok(answer instanceof Uint8Array);
    equal(Object.getPrototypeOf(answer), Uint8Array.prototype);
    equal(hex(answer), hex(payload));
    equal(answer.buffer.byteLength, answer.length, "no more memory than the message needs");
  }
});

test("RFC 6455, section 8.1: text is checked over pieces, fragments and where ASCII begins and ends", () => {
  for (
    const pieces of [["c3", "a9"], ["61", "c3", "a962"], ["f0", "9f", "98", "80"], ["c3a9", "61", "c3a9"]]
  ) {
    const messages = assembler();
    let answer: Answer;
    pieces.forEach((piece, i) => {
      answer = frame(messages, i === 0 ? TEXT : CONTINUATION, fromHex(piece), i === pieces.length - 1);
    });
    equal(answer, new TextDecoder().decode(fromHex(pieces.join(""))));
  }
  for (
    const pieces of [["c3", "61"], ["c3", ""], ["61", "a9"], ["61c3", "6161"], ["61", "c3"], ["e282", "7f"]]
  ) {
    const messages = assembler();
    frame(messages, TEXT, fromHex(pieces[0]!), false);
    refused(frame(messages, CONTINUATION, fromHex(pieces[1]!), true), 1007, "8.1", /not UTF-8/);
  }
  refused(frame(assembler(), TEXT, fromHex("61ff"), true), 1007, "8.1", /not UTF-8/);
  refused(frame(assembler(), TEXT, fromHex("61ff"), false), 1007, "8.1", /not UTF-8/);
  refused(frame(assembler(), TEXT, fromHex("61c3"), true), 1007, "8.1", /not UTF-8/);
});

test("RFC 6455, section 5.6: binary is never checked", () => {
  const messages = assembler();
  equal(frame(messages, BINARY, fromHex("c3"), false), undefined);
  deepEqual(frame(messages, CONTINUATION, fromHex("ff"), true), fromHex("c3ff"));
});

test("RFC 6455, section 10.4: memory follows what has come, not what was announced", () => {
  const messages = assembler();
  const chunk = noise(1);
  let kept = 0;
  const sizes = allocations((sizes) => {
    messages.begin(BINARY, 1 << 20);
    for (; kept < 20_000; kept++) {
      messages.add(chunk, 0, 1, 0xff, false);
      ok((sizes.at(-1) ?? 0) <= Math.max(1024, 2 * (kept + 1)), `${sizes.at(-1)} bytes for ${kept + 1}`);
    }
  });
  ok(sizes.length > 0 && sizes.length <= 6, `grew ${sizes.length} times: ${sizes}`);
});

test("RFC 6455, section 10.4: the buffer never grows beyond the limit, and is let go with the message", () => {
  for (const maxMessageSize of [10, 1500, 5000]) {
    const messages = assembler({ maxMessageSize });
    for (let round = 0; round < 2; round++) {
      const chunk = noise(maxMessageSize);
      const sizes = allocations(() => {
        messages.begin(BINARY, maxMessageSize);
        for (let i = 0; i < maxMessageSize; i++) {
          const message = messages.add(chunk, i, i + 1, 0xff, i === maxMessageSize - 1);
          if (i === maxMessageSize - 1) equal(hex(message as Uint8Array), hex(chunk));
        }
      });
      ok(sizes.length > 0, "a buffer of its own for each message");
      ok(Math.max(...sizes) <= maxMessageSize, `${sizes} for a limit of ${maxMessageSize}`);
    }
  }
});

test("RFC 6455, section 10.4: the buffer of a message whose last frame has begun grows to no more than its size", () => {
  const messages = assembler();
  const payload = noise(5000);
  const sizes = allocations(() => {
    messages.begin(BINARY, 2000);
    messages.add(payload, 0, 2000, 0xff, false);
    messages.begin(CONTINUATION, 3000, false, true);
    messages.add(payload, 2000, 4000, 0xff, false);
    equal(hex(messages.add(payload, 4000, 5000, 0xff, true) as Uint8Array), hex(payload));
  });
  // The last one is the message: it is not copied once more.
  deepEqual(sizes, [4000, 5000]);
});

test("RFC 6455, section 10.4: the buffer of a message whose last frame has begun is a half of it, or a half of the half, and never more than twice what has come", () => {
  const size = 1 << 20;
  // As sockets cut it: what one read brings, but for the header of a frame.
  for (const pieceSize of [64 * 1024 - 14, 128 * 1024 - 14, 5000]) {
    const messages = assembler({ maxMessageSize: size });
    const payload = noise(size);
    let kept = 0;
    const sizes = allocations((sizes) => {
      messages.begin(BINARY, size, false, true);
      while (kept < size) {
        const end = Math.min(kept + pieceSize, size);
        const before = sizes.length;
        const message = messages.add(payload, kept, end, 0xff, end === size);
        kept = end;
        if (sizes.length > before) ok(sizes.at(-1)! <= 2 * kept, `${sizes.at(-1)} bytes for ${kept}`);
        if (kept === size) equal((message as Uint8Array).length, size);
      }
    });
    deepEqual(sizes, sizes.map((_, i) => size >> sizes.length - 1 - i));
    ok(sizes.length <= 8, `${sizes}`);
  }
});

test("RFC 6455, section 10.4: 16,000 fragments of one byte cost no more than one fragment of 16,000", () => {
  const messages = assembler();
  const sizes = allocations(() => {
    for (let i = 0; i < 16_000; i++) {
      messages.begin(i === 0 ? BINARY : CONTINUATION, 1);
      messages.add(Uint8Array.of(i), 0, 1, 0xff, false);
    }
  });
  const large = sizes.filter((size) => size > 1);
  ok(large.reduce((sum, size) => sum + size, 0) < 70_000, `${large}`);
});

test("RFC 6455, section 10.4: a message that comes whole is not gathered first", () => {
  const messages = assembler();
  const chunk = noise(5000);
  const sizes = allocations(() => {
    messages.begin(BINARY, 5000);
    messages.add(chunk, 0, 5000, 0xff, true);
    messages.begin(TEXT, 5000);
    messages.add(chunk.fill(0x61), 0, 5000, 0x61, true);
  });
  deepEqual(sizes, [5000]);
});

test("a text that is longer than any string of this engine is 1009, and not 1007", () => {
  // V8's longest string has 2 ** 29 - 24 characters; other engines take more.
  const size = 2 ** 29;
  const to = assembler({ maxMessageSize: 2 ** 31 });
  equal(to.begin(TEXT, size, false, true), undefined);
  const bytes = new Uint8Array(size).fill(0x61);
  const answer = to.add(bytes, 0, size, 0x61, true);
  if (typeof answer === "string") return equal(answer.length, size);
  refused(answer, 1009, "7.4.1", /longer than a string can be/);
});
