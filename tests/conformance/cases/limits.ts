/** Groups 9 and 10: large messages, many fragments, many pieces, many messages. */
import { amount } from "../../harness.ts";
import { type Case, type CaseGroup, closes, group, receive, send, type Step } from "../case.ts";
import { fragments, type Frame } from "../frames.ts";
import { type Kind, message } from "../payloads.ts";

type Body = Omit<Case, "id">;

const KIB = 1024;
const MIB = 1024 * KIB;

function named(size: number): string {
  if (size < KIB) return `${size} bytes`;
  return size < MIB ? `${size / KIB} KiB` : `${size / MIB} MiB`;
}

function what(kind: Kind): string {
  return kind === "text" ? "A text" : "A binary message";
}

function echoed(title: string, section: string, make: () => Frame, cut: (whole: Frame) => Step): Body {
  return {
    title,
    section,
    *script() {
      const whole = make();
      yield cut(whole);
      yield receive(whole);
      yield closes(1000);
    },
  };
}

function ofSizes(kind: Kind): Body[] {
  return [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB].map((size) =>
    echoed(`${what(kind)} of ${named(size)}`, "5.2", () => message(kind, size), (whole) => send(whole))
  );
}

function inFragments(kind: Kind): Body[] {
  return [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB].map((size) =>
    echoed(
      `${what(kind)} of 4 MiB in fragments of ${named(size)}`,
      "5.4",
      () => message(kind, 4 * MIB),
      ({ opcode, payload }) => send(fragments(opcode, payload, size)),
    )
  );
}

function inPieces(kind: Kind): Body[] {
  return [64, 128, 256, 512, 1024, 2048].map((chop) =>
    echoed(
      `${what(kind)} of 1 MiB in pieces of ${chop} bytes`,
      "5.2",
      () => message(kind, MIB),
      (whole) => send(whole, chop),
    )
  );
}

function roundTrips(kind: Kind): Body[] {
  return [0, 16, 64, 256, 1024, 4096].map((size) => ({
    title: `${
      kind === "text" ? "Texts" : "Binary messages"
    } of ${size} bytes, each after the echo of the last`,
    section: "5.6",
    *script() {
      const each = message(kind, size);
      for (let count = 0; count < amount(1000, 100); count++) {
        yield send(each);
        yield receive(each);
      }
      yield closes(1000);
    },
  }));
}

export const limits: CaseGroup[] = [
  group("9.1", "Texts of growing size", ofSizes("text")),
  group("9.2", "Binary messages of growing size", ofSizes("binary")),
  group("9.3", "Texts in fragments of growing size", inFragments("text")),
  group("9.4", "Binary messages in fragments of growing size", inFragments("binary")),
  group("9.5", "Texts in pieces of growing size", inPieces("text")),
  group("9.6", "Binary messages in pieces of growing size", inPieces("binary")),
  group("9.7", "Round trips of texts", roundTrips("text")),
  group("9.8", "Round trips of binary messages", roundTrips("binary")),
  group("10.1", "Fragments that a sender chose by size", [
    echoed(
      "A text of 64 KiB in 51 fragments of up to 1300 bytes",
      "5.4",
      () => message("text", 64 * KIB),
      ({ opcode, payload }) => send(fragments(opcode, payload, 1300)),
    ),
  ]),
];
