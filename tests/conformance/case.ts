/**
 * What a case of the conformance suite is: a script of steps for the test's side of a connection, the same whichever
 * side that is.
 */
import type { CompressionOptions } from "../../mod.ts";
import type { Asked } from "./extension.ts";
import type { Frame } from "./frames.ts";

/** How a case went, in the words of the Autobahn|Testsuite. */
export type Behavior = "OK" | "NON-STRICT" | "INFORMATIONAL" | "FAILED";

/** What the peer must have said: a message that comes back, or a pong. */
export interface Expected {
  readonly type: "text" | "binary" | "pong";
  readonly data: Uint8Array;
}

/** One step of a script. */
export type Step =
  | {
    /** Sends frames: in one write; or one write for each, or for this many bytes, in a turn of its own. */
    readonly do: "send";
    readonly frames: readonly Frame[];
    readonly chop: "whole" | "frames" | number;
  }
  /** Sends a message compressed, in fragments of this many bytes. */
  | { readonly do: "compress"; readonly message: Frame; readonly fragmentSize: number }
  /** Sends the header of a frame and this many bytes of its payload. */
  | { readonly do: "begin"; readonly frame: Frame; readonly octets: number }
  /** Sends this many bytes more of the frame that was begun. */
  | { readonly do: "more"; readonly octets: number }
  /** Waits until exactly these have come, in this order, since the last such step. */
  | {
    readonly do: "receive";
    readonly events: readonly Expected[];
    /** The peer is already given cause to fail: not to have answered before it does is non-strict. */
    readonly orFails: boolean;
  }
  /** All that was received so far came, compressed, in fewer bytes than this share of what it has. */
  | { readonly do: "smaller"; readonly share: number }
  /** A moment in which nothing may come: what was sent so far is no reason to answer or to fail. */
  | { readonly do: "quiet" }
  /** The peer must fail the connection now, before the rest is sent; later is non-strict. */
  | { readonly do: "failsFast" }
  /** The last step: the peer fails the connection with this status code (section 7.1.7). */
  | { readonly do: "fails"; readonly code: number }
  /** The last step: we have sent a Close frame, and the peer answers it with one of these status codes. */
  | { readonly do: "closes"; readonly codes: readonly number[] };

/** How the connection of a case compresses. */
export interface Compression {
  /** The mode that the subject is in. */
  readonly mode: NonNullable<CompressionOptions["mode"]>;
  /** What the test's side asks of it, most preferred first. */
  readonly asked: readonly Asked[];
}

/** A case. */
export interface Case {
  /** As the Autobahn|Testsuite numbers it. */
  readonly id: string;
  readonly title: string;
  /** The section that decides: of RFC 6455, or of RFC 7692 where the case is about compression. */
  readonly section: string;
  /** What there is to agree on; without it the subject has no compression. */
  readonly compression?: Compression;
  /** The RFC leaves open what happens; the script says what we chose. */
  readonly informational?: boolean;
  /** Made anew for each run, since some hold many megabytes. */
  script(): Iterable<Step>;
}

/** The cases of one number, such as 6.4, under the title of their subject. */
export interface CaseGroup {
  readonly id: string;
  readonly title: string;
  readonly cases: readonly Case[];
}

/** Sends frames. */
export function send(frames: Frame | readonly Frame[], chop: "whole" | "frames" | number = "whole"): Step {
  return { do: "send", frames: "opcode" in frames ? [frames] : frames, chop };
}

/** Waits for the echo of messages, and the pongs to pings, of these frames. */
export function receive(...frames: Frame[]): Step {
  return { do: "receive", events: frames.map(answer), orFails: false };
}

/** Waits for the echo of a message behind which something wrong has already been sent. */
export function receiveBeforeFailing(frame: Frame): Step {
  return { do: "receive", events: [answer(frame)], orFails: true };
}

/** The peer fails the connection with this status code. */
export function fails(code: number): Step {
  return { do: "fails", code };
}

/** The peer answers our Close frame with one of these status codes, 1005 for none. */
export function closes(...codes: number[]): Step {
  return { do: "closes", codes };
}

/** A group whose cases are numbered as they stand. */
export function group(id: string, title: string, cases: readonly Omit<Case, "id">[]): CaseGroup {
  return { id, title, cases: cases.map((each, index) => ({ id: `${id}.${index + 1}`, ...each })) };
}

function answer({ opcode, payload }: Frame): Expected {
  return { type: opcode === 9 ? "pong" : opcode === 1 ? "text" : "binary", data: payload };
}
