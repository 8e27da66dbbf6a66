/** Group 5: fragments, what may stand between them and what may not. */
import {
  type Case,
  type CaseGroup,
  closes,
  fails,
  group,
  receive,
  receiveBeforeFailing,
  send,
} from "../case.ts";
import { continuation, type Frame, ping, pong, text } from "../frames.ts";

type Body = Omit<Case, "id">;
type Chop = "whole" | "frames" | 1;

const WAYS: readonly (readonly [Chop, string])[] = [
  ["whole", ", in one piece"],
  ["frames", ", frame by frame"],
  [1, ", byte by byte"],
];

function inEachWay(title: string, frames: Frame[], answers: Frame[]): Body[] {
  return WAYS.map(([chop, way]) => ({
    title: title + way,
    section: "5.4",
    *script() {
      yield send(frames, chop);
      yield receive(...answers);
      yield closes(1000);
    },
  }));
}

function wrong(title: string, frames: Frame[], chop: Chop = "whole"): Body {
  return {
    title,
    section: "5.4",
    *script() {
      yield send(frames, chop);
      yield fails(1002);
    },
  };
}

function wrongInEachWay(title: string, frames: Frame[]): Body[] {
  return WAYS.map(([chop, way]) => wrong(title + way, frames, chop));
}

function pingsBetween(chop: "whole" | "frames", way: string): Body {
  return {
    title: `A text in five fragments, pings among them, the first answered before the rest is sent${way}`,
    section: "5.4",
    *script() {
      yield send([text("one ", false), continuation("two ", false), ping("first")], chop);
      yield receive(ping("first"));
      yield send([
        continuation("three ", false),
        continuation("four ", false),
        ping("second"),
        continuation("five"),
      ], chop);
      yield receive(ping("second"), text("one two three four five"));
      yield closes(1000);
    },
  };
}

const FRAGMENTS = [text("fragment 1, ", false), continuation("fragment 2")];
const WHOLE = text("fragment 1, fragment 2");

export const fragmentation: CaseGroup[] = [
  group("5", "Fragmentation", [
    wrong("A ping in two fragments", [{ ...ping("half a ping"), fin: false }, continuation("the rest")]),
    wrong("A pong in two fragments", [{ ...pong("half a pong"), fin: false }, continuation("the rest")]),
    ...inEachWay("A text in two fragments", FRAGMENTS, [WHOLE]),
    ...inEachWay(
      "A text in two fragments with a ping between them",
      [FRAGMENTS[0]!, ping("between"), FRAGMENTS[1]!],
      [ping("between"), WHOLE],
    ),
    ...wrongInEachWay("A last fragment that continues nothing, then a text", [
      continuation("of what?"),
      text("Hello"),
    ]),
    ...wrongInEachWay("A fragment that continues nothing, then a text", [
      continuation("of what?", false),
      text("Hello"),
    ]),
    {
      title: "A text in two fragments, a fragment that continues nothing, then a text",
      section: "5.4",
      *script() {
        yield send([...FRAGMENTS, continuation("of what?", false), text("Hello")]);
        yield receiveBeforeFailing(WHOLE);
        yield fails(1002);
      },
    },
    wrong("Twice: a fragment that continues nothing, then a text in two", [
      continuation("of what?", false),
      ...FRAGMENTS,
      continuation("of what?", false),
      ...FRAGMENTS,
    ]),
    wrong("Twice: a last fragment that continues nothing, then a text in two", [
      continuation("of what?"),
      ...FRAGMENTS,
      continuation("of what?"),
      ...FRAGMENTS,
    ]),
    wrong("A text in two fragments, both with opcode 1", [text("fragment 1, ", false), text("fragment 2")]),
    pingsBetween("whole", ""),
    pingsBetween("frames", ", frame by frame"),
  ]),
];
