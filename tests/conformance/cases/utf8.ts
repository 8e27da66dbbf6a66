/** Group 6: text is UTF-8, whole, and what is not is refused at once. */
import { type Case, type CaseGroup, closes, fails, group, receive, send, type Step } from "../case.ts";
import { continuation, fragments, type Frame, octets, text } from "../frames.ts";
import { KOSME, pattern, vectorGroups } from "./utf8_vectors.ts";

type Body = Omit<Case, "id">;

const MIXED = "Grüße, 世界 🤝 ça va?";
const AFTER = octets("and after");

function bytes(...parts: (Uint8Array | number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

// A surrogate: wrong at its second byte.
const SURROGATE = bytes(KOSME, pattern(0xd800, 3), AFTER);
// Beyond U+10FFFF: wrong at its second byte, too.
const BEYOND = bytes(KOSME, pattern(0x110000, 4), AFTER);

function echoed(title: string, section: string, frames: Frame[], whole: string | Uint8Array): Body {
  return {
    title,
    section,
    *script() {
      yield send(frames);
      yield receive(text(whole));
      yield closes(1000);
    },
  };
}

function refused(title: string, frames: Frame[]): Body {
  return {
    title,
    section: "8.1",
    *script() {
      yield send(frames);
      yield fails(1007);
    },
  };
}

/** A message in three frames, or in three pieces of one frame, the second of which makes it wrong. */
function failFast(title: string, [first, second]: [number, number], inOneFrame: boolean): Body {
  return {
    title,
    section: "8.1",
    *script(): Iterable<Step> {
      yield inOneFrame
        ? { do: "begin", frame: text(BEYOND), octets: first }
        : send(text(BEYOND.subarray(0, first), false));
      yield { do: "quiet" };
      yield inOneFrame
        ? { do: "more", octets: second - first }
        : send(continuation(BEYOND.subarray(first, second), false));
      yield { do: "failsFast" };
      yield inOneFrame
        ? { do: "more", octets: BEYOND.length - second }
        : send(continuation(BEYOND.subarray(second)));
      yield fails(1007);
    },
  };
}

const WHOLE_CHARACTER: [number, number] = [KOSME.length, KOSME.length + 4];
const ONE_BYTE: [number, number] = [KOSME.length + 1, KOSME.length + 2];

export const utf8: CaseGroup[] = [
  group("6.1", "Texts without bytes", [
    echoed("An empty text", "5.6", [text()], ""),
    echoed(
      "An empty text in three fragments",
      "5.4",
      [text("", false), continuation("", false), continuation()],
      "",
    ),
    echoed(
      "Three fragments, only the second not empty",
      "5.4",
      [text("", false), continuation("middle", false), continuation()],
      "middle",
    ),
  ]),
  group("6.2", "Valid texts, in fragments of every kind", [
    echoed("In one frame", "5.6", [text(MIXED)], MIXED),
    echoed(
      "In two fragments, between two characters",
      "5.6",
      [text(MIXED.slice(0, 8), false), continuation(MIXED.slice(8))],
      MIXED,
    ),
    echoed("In fragments of one byte", "5.6", fragments(1, octets(MIXED), 1), MIXED),
    echoed("Greek letters in fragments of one byte", "5.6", fragments(1, KOSME, 1), KOSME),
  ]),
  group("6.3", "Invalid texts, in fragments of every kind", [
    refused("In one frame", [text(SURROGATE)]),
    refused("In fragments of one byte", fragments(1, SURROGATE, 1)),
  ]),
  group("6.4", "Invalid texts fail as soon as the wrong byte has come", [
    failFast("In the second of three fragments", WHOLE_CHARACTER, false),
    failFast("As the only byte of the second of three fragments", ONE_BYTE, false),
    failFast("In the second of three pieces of one frame", WHOLE_CHARACTER, true),
    failFast("As the only byte of the second of three pieces of one frame", ONE_BYTE, true),
  ]),
  ...vectorGroups.map(({ title, vectors }, index) =>
    group(
      `6.${index + 5}`,
      title,
      vectors.map((each) =>
        each.valid
          ? echoed(each.title, "5.6", [text(each.bytes)], each.bytes)
          : refused(each.title, [text(each.bytes)])
      ),
    )
  ),
];
