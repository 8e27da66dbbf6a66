/** Plays one case over one connection, and says how the peer behaved. */
import { Buffer } from "node:buffer";
import { type Close, ProtocolError } from "../../mod.ts";
import type { Behavior, Case, Expected, Step } from "./case.ts";
import { close, fragments, type Frame, type Heard, statusCode } from "./frames.ts";
import type { Wire } from "./wire.ts";

/** How a case went. */
export interface Outcome {
  readonly behavior: Behavior;
  /** Why it failed or is not strict; "" otherwise. */
  readonly detail: string;
}

// How long a peer that does not fail in time is waited for; one that does is not.
const FAIL_FAST_WITHIN = 10_000;
const QUIET_FOR = 20;

/** Plays the case. `ended` resolves with what the peer's application learns about the end. */
export async function play(
  theCase: Case,
  wire: Wire,
  role: "client" | "server",
  ended: Promise<Close>,
): Promise<Outcome> {
  const player = new Player(wire, role, ended);
  try {
    for (const step of theCase.script()) await player.step(step);
  } catch (error) {
    if (!(error instanceof Deviation)) throw error;
    return { behavior: "FAILED", detail: error.message };
  }
  if (theCase.informational === true) return { behavior: "INFORMATIONAL", detail: player.lax };
  return { behavior: player.lax === "" ? "OK" : "NON-STRICT", detail: player.lax };
}

/** The peer did what it must not. */
class Deviation extends Error {}

class Player {
  readonly #wire: Wire;
  readonly #role: "client" | "server";
  readonly #ended: Promise<Close>;
  #rest: Uint8Array = new Uint8Array(0);
  #closeSent: number | undefined;
  #size = 0;
  #compressedSize = 0;
  /** What makes the behaviour non-strict. */
  lax = "";

  constructor(wire: Wire, role: "client" | "server", ended: Promise<Close>) {
    this.#wire = wire;
    this.#role = role;
    this.#ended = ended;
  }

  async step(step: Step): Promise<void> {
    switch (step.do) {
      case "send":
        for (const frame of step.frames) this.#note(frame);
        return await this.#send(step.frames, step.chop);
      case "compress":
        return await this.#compress(step.message, step.fragmentSize);
      case "begin": {
        const bytes = this.#wire.encode(step.frame);
        const cut = bytes.length - step.frame.payload.length + step.octets;
        this.#rest = bytes.subarray(cut);
        return this.#wire.write(bytes.subarray(0, cut));
      }
      case "more": {
        const bytes = this.#rest.subarray(0, step.octets);
        this.#rest = this.#rest.subarray(step.octets);
        return this.#wire.write(bytes);
      }
      case "receive":
        for (const event of step.events) await this.#receive(event, step.orFails);
        return;
      case "smaller":
        if (this.#compressedSize < step.share * this.#size) return;
        throw new Deviation(`Messages of ${this.#size} bytes came in as many as ${this.#compressedSize}.`);
      case "quiet":
        if (await this.#wire.within(QUIET_FOR, () => this.#wire.ended || this.#wire.heard.length > 0)) {
          throw new Deviation(`Something came too early: ${this.#what()}.`);
        }
        return;
      case "failsFast":
        if (!await this.#wire.within(FAIL_FAST_WITHIN, () => this.#wire.closing)) {
          this.lax ||= "The connection was failed only when the rest had come.";
        }
        return;
      case "fails":
        return await this.#fails(step.code);
      case "closes":
        return await this.#closes(step.codes);
    }
  }

  #note(frame: Frame): void {
    if (frame.opcode === 8) this.#closeSent ??= statusCode(frame.payload);
  }

  async #send(frames: readonly Frame[], chop: "whole" | "frames" | number): Promise<void> {
    if (chop === "frames") return await this.#wire.writeEach(frames.map((frame) => this.#wire.encode(frame)));
    const bytes = frames.map((frame) => this.#wire.encode(frame));
    const all = bytes.length === 1 ? bytes[0]! : Buffer.concat(bytes);
    if (chop === "whole") return this.#wire.write(all);
    await this.#wire.writeEach(chopped(all, chop));
  }

  async #compress({ opcode, payload }: Frame, fragmentSize: number): Promise<void> {
    this.#checkWire();
    const [first, ...rest] = fragments(opcode, await this.#wire.compress(payload), fragmentSize);
    await this.#send([{ ...first!, rsv: 4 }, ...rest], "whole");
  }

  async #receive(expected: Expected, orFails: boolean): Promise<void> {
    const { heard } = this.#wire;
    await this.#wire.until(() => heard.length > 0 || this.#wire.ended || this.#wire.violation !== undefined);
    this.#checkWire();
    const event = heard[0];
    if (event === undefined || event.type === "close") {
      if (!orFails) throw new Deviation(`Instead of a ${expected.type} came ${this.#what()}.`);
      this.lax ||= "The connection was ending before what came in front was answered.";
      return;
    }
    if (
      event.type !== expected.type ||
      !Buffer.from(event.data.buffer, event.data.byteOffset, event.data.length).equals(expected.data)
    ) {
      throw new Deviation(`Instead of ${describe(expected)} came ${describe(event)}.`);
    }
    heard.shift();
    if (event.compressedSize === undefined && this.#wire.compressible(event.data)) {
      throw new Deviation(`${describe(event)} came uncompressed.`);
    }
    this.#size += event.data.length;
    this.#compressedSize += event.compressedSize ?? event.data.length;
  }

  /** RFC 6455, section 7.1.7: a Close frame with the code, nothing more, and the end of the TCP connection. */
  async #fails(code: number): Promise<void> {
    await this.#wire.until(() => this.#wire.ended || this.#wire.violation !== undefined);
    this.#checkClose([code]);
    await this.#gone();
    const end = await this.#ended;
    const cause = end.error instanceof ProtocolError ? end.error.statusCode : end.error?.name;
    if (end.code !== 1006 || end.wasClean || end.initiator !== "remote" || cause !== code) {
      throw new Deviation(`The application was told ${JSON.stringify(end)}, because of ${cause}.`);
    }
  }

  /** RFC 6455, section 7.1.2 and 7.1.1: Close frames went both ways, then the server ends the TCP connection. */
  async #closes(codes: readonly number[]): Promise<void> {
    if (this.#closeSent === undefined) {
      this.#closeSent = 1000;
      this.#wire.write(this.#wire.encode(close(1000)));
    }
    await this.#wire.until(() => this.#wire.closing || this.#wire.violation !== undefined);
    this.#checkClose(codes);
    if (this.#role === "server") {
      await this.#wire.until(() => this.#wire.ended || this.#wire.violation !== undefined);
    }
    await this.#gone();
    const end = await this.#ended;
    if (
      end.code !== this.#closeSent || !end.wasClean || end.initiator !== "remote" || end.error !== undefined
    ) {
      throw new Deviation(`The application was told ${JSON.stringify(end)}.`);
    }
  }

  async #gone(): Promise<void> {
    this.#wire.end();
    await this.#wire.until(() => this.#wire.closed);
    this.#checkWire();
  }

  #checkClose(codes: readonly number[]): void {
    this.#checkWire();
    const { heard } = this.#wire;
    const code = heard[0]?.type === "close" ? statusCode(heard[0].data) : undefined;
    if (heard.length !== 1 || code === undefined || !codes.includes(code)) {
      throw new Deviation(`Instead of a Close frame with ${codes.join(" or ")} came ${this.#what()}.`);
    }
  }

  #checkWire(): void {
    if (this.#wire.violation !== undefined) {
      throw new Deviation(`The peer was wrong: ${this.#wire.violation}`);
    }
  }

  #what(): string {
    if (this.#wire.violation !== undefined) return this.#wire.violation;
    const said = this.#wire.heard.map(describe);
    if (this.#wire.ended) said.push("the end of the stream");
    return said.join(", ") || "nothing";
  }
}

function* chopped(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

function describe({ type, data }: Heard | Expected): string {
  if (type === "close") return `a close with ${statusCode(data)}`;
  const shown = Buffer.from(data.subarray(0, 16)).toString("hex");
  return `a ${type} of ${data.length} bytes${
    data.length === 0 ? "" : ` (${shown}${data.length > 16 ? "..." : ""})`
  }`;
}
