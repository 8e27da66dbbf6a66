/** Groups 1 to 4: frames of every length, pings and pongs, reserved bits, reserved opcodes. */
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
import { binary, close, type Frame, ping, pong, text } from "../frames.ts";

type Body = Omit<Case, "id">;

const HELLO = "Hello, world!";
const NOT_TEXT = Uint8Array.of(0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff);

function echoed(what: string, make: (size: number) => Frame): Body[] {
  const sizes = [0, 125, 126, 127, 128, 65535, 65536].map((size) => [size, "whole"] as const);
  return [...sizes, [65536, 997] as const].map(([size, chop]) => ({
    title: `${what} of ${size} bytes${chop === "whole" ? "" : `, in pieces of ${chop}`}`,
    section: "5.2",
    *script() {
      yield send(make(size), chop);
      yield receive(make(size));
      yield closes(1000);
    },
  }));
}

function ponged(title: string, pings: Frame[], chop: "whole" | number = "whole"): Body {
  return {
    title,
    section: "5.5.2",
    *script() {
      yield send(pings, chop);
      yield receive(...pings);
      yield closes(1000);
    },
  };
}

function ignored(title: string, frame: Frame): Body {
  return {
    title,
    section: "5.5.3",
    *script() {
      yield send([frame, close(1000)]);
      yield closes(1000);
    },
  };
}

function wrong(title: string, section: string, frame: Frame): Body {
  return {
    title,
    section,
    *script() {
      yield send(frame);
      yield fails(1002);
    },
  };
}

/** What was sent before the fault is answered: all at once, or each piece when the one before it has been read. */
function wrongAfterMessage(
  title: string,
  section: string,
  frame: Frame,
  chop: "whole" | "frames" | 1 = "whole",
): Body {
  const way = chop === "frames" ? ", frame by frame" : chop === 1 ? ", byte by byte" : "";
  return {
    title: `A text, then ${title}, then a ping${way}`,
    section,
    *script() {
      if (chop === "whole") {
        yield send([text(HELLO), frame, ping()]);
        yield receiveBeforeFailing(text(HELLO));
      } else {
        yield send(text(HELLO), chop);
        yield receive(text(HELLO));
        yield send([frame, ping()], chop);
      }
      yield fails(1002);
    },
  };
}

const tenPings = Array.from({ length: 10 }, (_, index) => ping(`payload-${index}`));

export const framing: CaseGroup[] = [
  group("1.1", "Text messages", echoed("A text", (size) => text("*".repeat(size)))),
  group(
    "1.2",
    "Binary messages",
    echoed("A binary message", (size) => binary(new Uint8Array(size).fill(0xfe))),
  ),
  group("2", "Pings and pongs", [
    ponged("A ping without payload", [ping()]),
    ponged("A ping with text", [ping(HELLO)]),
    ponged("A ping with bytes that are no UTF-8", [ping(NOT_TEXT)]),
    ponged("A ping of 125 bytes", [ping(new Uint8Array(125).fill(0xfe))]),
    wrong("A ping of 126 bytes", "5.5", ping(new Uint8Array(126).fill(0xfe))),
    ponged("A ping of 125 bytes, byte by byte", [ping(new Uint8Array(125).fill(0xfe))], 1),
    ignored("A pong that nobody asked for, without payload", pong()),
    ignored("A pong that nobody asked for, with payload", pong("nobody asked")),
    {
      title: "A pong that nobody asked for, then a ping",
      section: "5.5.3",
      *script() {
        yield send([pong("nobody asked"), ping("asked")]);
        yield receive(ping("asked"));
        yield closes(1000);
      },
    },
    ponged("Ten pings", tenPings),
    ponged("Ten pings, byte by byte", tenPings, 1),
  ]),
  group("3", "Reserved bits", [
    wrong("A text with RSV = 1", "5.2", { ...text(HELLO), rsv: 1 }),
    wrongAfterMessage("one with RSV = 2", "5.2", { ...text(HELLO), rsv: 2 }),
    wrongAfterMessage("one with RSV = 3", "5.2", { ...text(HELLO), rsv: 3 }, "frames"),
    wrongAfterMessage("one with RSV = 4", "5.2", { ...text(HELLO), rsv: 4 }, 1),
    wrong("A binary message with RSV = 5", "5.2", { ...binary(NOT_TEXT), rsv: 5 }),
    wrong("A ping with RSV = 6", "5.2", { ...ping(HELLO), rsv: 6 }),
    wrong("A Close frame with RSV = 7", "5.2", { ...close(), rsv: 7 }),
  ]),
  group("4.1", "Reserved opcodes of data frames", reserved([3, 4, 5, 6, 7])),
  group("4.2", "Reserved opcodes of control frames", reserved([11, 12, 13, 14, 15])),
];

function reserved([empty, full, emptyAfter, fullAfter, bytewise]: number[]): Body[] {
  const frame = (opcode: number | undefined, payload = ""): Frame => ({ ...text(payload), opcode: opcode! });
  return [
    wrong(`Opcode ${empty}, without payload`, "5.2", frame(empty)),
    wrong(`Opcode ${full}, with payload`, "5.2", frame(full, "reserved")),
    wrongAfterMessage(`opcode ${emptyAfter} without payload`, "5.2", frame(emptyAfter)),
    wrongAfterMessage(`opcode ${fullAfter} with payload`, "5.2", frame(fullAfter, HELLO)),
    wrongAfterMessage(`opcode ${bytewise} with payload`, "5.2", frame(bytewise, HELLO), 1),
  ];
}
