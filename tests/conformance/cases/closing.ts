/** Group 7: the closing handshake, what a Close frame may hold, and what comes behind it. */
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
import { close, continuation, type Frame, ping, text } from "../frames.ts";
import { KOSME, pattern } from "./utf8_vectors.ts";

type Body = Omit<Case, "id">;

// Section 7.1.5: the status code of a Close frame that holds none.
const NONE = 1005;

function closed(title: string, section: string, frames: Frame[], ...codes: number[]): Body {
  return {
    title,
    section,
    *script() {
      yield send(frames);
      yield closes(...codes);
    },
  };
}

function refused(title: string, section: string, frame: Frame, code = 1002): Body {
  return {
    title,
    section,
    *script() {
      yield send(frame);
      yield fails(code);
    },
  };
}

const long = text("long and longer ".repeat(16 * 1024));

export const closing: CaseGroup[] = [
  group("7.1", "What comes before and behind a Close frame", [
    {
      title: "A text, its echo, then a Close frame",
      section: "7.1.2",
      *script() {
        yield send(text("Hello"));
        yield receive(text("Hello"));
        yield closes(1000);
      },
    },
    closed("Two Close frames: the second is not read", "5.5.1", [close(1000), close()], 1000),
    closed("A ping behind the Close frame: no pong", "5.5.1", [close(1000), ping()], 1000),
    closed("A text behind the Close frame: no echo", "5.5.1", [close(1000), text("too late")], 1000),
    closed(
      "A Close frame between two fragments",
      "5.5.1",
      [text("never whole", false), close(1000), continuation("too late")],
      1000,
    ),
    {
      title: "A text of 256 KiB, a short one, a Close frame and a ping, in one piece",
      section: "5.5.1",
      informational: true,
      *script() {
        yield send([long, text("Hello"), close(1000), ping()]);
        yield receiveBeforeFailing(long);
        yield receiveBeforeFailing(text("Hello"));
        yield closes(1000);
      },
    },
  ]),
  group("7.3", "The length of a Close frame", [
    closed("Without a code", "5.5.1", [close()], NONE),
    refused("One byte", "5.5.1", { ...close(), payload: Uint8Array.of(0x03) }),
    closed("A code", "5.5.1", [close(1000)], 1000),
    closed("A code and a reason", "5.5.1", [close(1000, "Goodbye")], 1000),
    closed("A code and a reason of 123 bytes", "5.5.1", [close(1000, "*".repeat(123))], 1000),
    refused("A code and a reason of 124 bytes", "5.5", close(1000, "*".repeat(124))),
  ]),
  group("7.5", "The reason in a Close frame", [
    refused(
      "A reason that is not UTF-8",
      "8.1",
      close(1000, Uint8Array.of(...KOSME, ...pattern(0xd800, 3), 0x2e)),
      1007,
    ),
  ]),
  group(
    "7.7",
    "Codes that a Close frame may hold",
    [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].map((code) =>
      // Section 7.4.1: 1010 is a client's alone, so that a server does not send it back.
      closed(String(code), "7.4.1", [close(code)], ...(code === 1010 ? [code, NONE] : [code]))
    ),
  ),
  group(
    "7.9",
    "Codes that a Close frame must not hold",
    [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].map((code) =>
      refused(String(code), code < 1000 ? "7.4.2" : "7.4.1", close(code))
    ),
  ),
  group(
    "7.13",
    "Codes that the RFC says nothing about: treated as those that must not be sent",
    [5000, 65535].map((code) => ({ ...refused(String(code), "7.4.2", close(code)), informational: true })),
  ),
];
