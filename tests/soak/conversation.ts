/** One end of a connection that says what its dice tell it to, and keeps account of it. */
import { type Connection, ConnectionClosedError, type Message, type Sendable } from "../../mod.ts";
import { type Account, enterClose, enterReceived, openAccount, type Sent } from "./account.ts";
import { OWN_CODES } from "./audit.ts";
import type { Dice } from "./dice.ts";
import { type Label, numbered, numberedBytes, readNumbered, someSize } from "./numbered.ts";
import { type Settling, sleep } from "./settling.ts";

/** What the conversations of one process share. */
export interface Surroundings {
  /** All that was begun and must settle. */
  readonly settling: Settling;
  /** What should not have happened. */
  readonly problems: string[];
  /** The number of milliseconds that a side may rest between two things that it does. */
  readonly rest: number;
}

/** One end. */
export class Conversation {
  readonly account: Account;
  /** Resolves when the connection has ended and the account is complete. */
  readonly ended: Promise<void>;
  readonly #socket: Connection<unknown>;
  readonly #dice: Dice;
  readonly #around: Surroundings;
  readonly #sent: Sent;
  readonly #series: string;
  #stopped = false;

  /** Begins an account; `talk()` and the messages that come fill it. */
  constructor(
    socket: Connection<unknown>,
    id: string,
    side: Account["side"],
    dice: Dice,
    around: Surroundings,
  ) {
    this.#socket = socket;
    this.#dice = dice;
    this.#around = around;
    this.#series = `d/${id}/${side}`;
    this.account = openAccount(id, side);
    this.#sent = this.account.sent[this.#series] = { from: 0, to: 0, doubtful: [], dropped: 0 };
    this.ended = around.settling.track(
      "closed",
      socket.closed.then((close) => enterClose(this.account, socket, close)),
    );
  }

  /** Enters a message that has come. */
  received(message: Message): void {
    try {
      enterReceived(this.account, message);
    } catch (error) {
      this.#around.problems.push(`${this.account.id}: ${String(error)}`);
    }
  }

  /** Says nothing more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Ends the connection in one way or another. */
  leave(): void {
    const way = this.#dice.below(4);
    if (way === 0) this.#socket.abort();
    else void this.#socket.close(this.#dice.pick(OWN_CODES[this.account.side]));
  }

  /** Sends, streams and pings until it is stopped or the connection ends. */
  async talk(): Promise<void> {
    const { settling } = this.#around;
    while (this.#socket.readyState === "open" && !this.#stopped) {
      const what = this.#dice.below(100);
      if (what < 55) await settling.track("burst", this.#burst());
      else if (what < 65) void settling.track("stream", this.#stream());
      else if (what < 72) void settling.track("ping", this.#unlessClosed(() => this.#socket.ping()));
      await sleep(this.#dice.below(this.#around.rest));
    }
  }

  async #burst(): Promise<void> {
    const { settling } = this.#around;
    await this.#unlessClosed(async () => {
      for (let left = this.#dice.between(1, 12); left > 0; left--) {
        const label = this.#next();
        const data: Sendable = this.#dice.chance(0.5)
          ? numbered(label, someSize(this.#dice))
          : numberedBytes(label, someSize(this.#dice));
        // On a connection that is closing nothing is accepted, which is told by the answer.
        const open = this.#socket.readyState === "open";
        const flowing = this.#socket.send(data);
        if (open) this.#sent.to++;
        if (!flowing) await settling.track("drained", this.#socket.drained());
      }
    });
  }

  async #stream(): Promise<void> {
    const label = this.#next();
    this.#sent.to++;
    const text = numbered(label, someSize(this.#dice));
    const dice = this.#dice;
    async function* chunks(): AsyncGenerator<string> {
      for (let at = 0; at < text.length;) {
        const size = dice.between(1, Math.max(1, Math.ceil(text.length / 3)));
        yield text.slice(at, at += size);
        if (dice.chance(0.3)) await sleep(dice.below(10));
      }
    }
    try {
      await this.#socket.sendStream(chunks(), { compress: dice.chance(0.5) });
    } catch (error) {
      this.#sent.doubtful.push(label.number);
      if (!(error instanceof ConnectionClosedError)) this.#unexpected(error);
    }
  }

  #next(): Label {
    return { series: this.#series, number: this.#sent.to };
  }

  async #unlessClosed(call: () => Promise<unknown>): Promise<void> {
    try {
      await call();
    } catch (error) {
      if (!(error instanceof ConnectionClosedError)) this.#unexpected(error);
    }
  }

  #unexpected(error: unknown): void {
    this.#around.problems.push(`${this.account.id}: ${String(error)}`);
  }
}

/** The number of a message that was not sent. */
export function numberOf(message: Message): number {
  return readNumbered(message).number;
}
