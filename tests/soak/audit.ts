/**
 * Holds the accounts of both ends against each other: what was accepted is delivered, once and in order, or the sender was
 * told.
 */
import type { Account, Sent, ToldClose } from "./account.ts";

/** What a reconnecting client knows of the messages that were given to itself. */
export interface QueueAccount {
  /** The part before the dot in its connections' ids. */
  readonly client: number;
  /** How many it accepted, numbered from 0. */
  readonly accepted: number;
  /** Those that it still has. */
  readonly unsent: readonly number[];
}

/** What came out. */
export interface Verdict {
  /** What must not be. */
  readonly violations: string[];
  /** Connections that both ends know. */
  connections: number;
  /** Ends of connections that were closed cleanly. */
  clean: number;
  accepted: number;
  delivered: number;
  /** Lost, and the sender was told: by its Close, or by `bufferedAmount`. */
  reported: number;
  /** Lost, and counted in `dropped`. */
  dropped: number;
  /** The promise of the message was rejected. */
  rejected: number;
  /** The receiver's application had left before they came. */
  unread: number;
  /** Lost behind the back of the sender: a break looked like a closing handshake, by the network or by a peer that gave up. */
  unknowable: number;
}

/** Nothing seen yet. */
export function emptyVerdict(): Verdict {
  return {
    violations: [],
    connections: 0,
    clean: 0,
    accepted: 0,
    delivered: 0,
    reported: 0,
    dropped: 0,
    rejected: 0,
    unread: 0,
    unknowable: 0,
  };
}

/** Codes that each end sends when it closes by itself: no code is both sides', so that an echo can be told from a Close of the peer's own. */
export const OWN_CODES: Readonly<Record<Account["side"], readonly number[]>> = {
  client: [1000, 3001],
  server: [1001, 3002],
};

/** Codes that a peer fails the connection with: RFC 6455, section 7.1.7, has it read no further. */
const FAILING_CODES: readonly number[] = [1002, 1003, 1007, 1008, 1009, 1010, 1011, 1013];

/** Whether the sender was told that messages may have been lost. */
function isReported({ close, buffered }: Account): boolean {
  if (close === undefined || !close.wasClean || close.error !== undefined) return true;
  return buffered > 0 || FAILING_CODES.includes(close.code);
}

/** Whether the peer has answered our Close frame, and so had read all that was before it (RFC 6455, section 5.5.1). */
function isAnswered({ side, close }: Account): boolean {
  return close!.initiator === "local" && OWN_CODES[side].includes(close!.code);
}

/**
 * Whether this end tore the connection down, as `shutdown()` does when its time is over. It has been told that what was on
 * its way is lost; the peer had answered our Close, and sees an orderly end of TCP or a reset, as it happens.
 */
function hasGivenUp(receiver: Account | undefined): boolean {
  return receiver?.close?.initiator === "local" && !receiver.close.wasClean;
}

function describe(close: ToldClose | undefined): string {
  return close === undefined ? "never told of its end" : JSON.stringify(close);
}

function countOf(runs: readonly [number, number][]): number {
  return runs.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}

/** The audit of one round. */
export class Audit {
  readonly #verdict: Verdict;
  readonly #deceived: ReadonlySet<string>;
  readonly #servers: ReadonlyMap<string, Account>;
  readonly #clients: ReadonlyMap<string, Account>;

  /** `deceived` are the connections at which the network showed an orderly end and had lost bytes. */
  constructor(
    verdict: Verdict,
    accounts: readonly Account[],
    deceived: ReadonlySet<string> = new Set(),
  ) {
    this.#verdict = verdict;
    this.#deceived = deceived;
    const of = (side: Account["side"]): Map<string, Account> =>
      new Map(accounts.filter((each) => each.side === side).map((each) => [each.id, each]));
    this.#servers = of("server");
    this.#clients = of("client");
    if (this.#servers.size + this.#clients.size !== accounts.length) {
      this.#violation("an id stands twice in the accounts");
    }
  }

  #violation(text: string): void {
    this.#verdict.violations.push(text);
  }

  /** Each connection by itself, in both directions. */
  connections(): void {
    for (const [id, client] of this.#clients) {
      const server = this.#servers.get(id);
      if (server === undefined) this.#violation(`${id}: open for the client, unknown to the server`);
      else this.#verdict.connections++;
      this.#end(client);
      this.#direction(client, server);
    }
    for (const [id, server] of this.#servers) {
      this.#end(server);
      this.#direction(server, this.#clients.get(id));
    }
  }

  #end({ id, side, close }: Account): void {
    if (close === undefined) return this.#violation(`${id}: the ${side} was never told of its end`);
    if (close.wasClean) this.#verdict.clean++;
    if (/Protocol|Type|Range/.test(close.error ?? "")) {
      this.#violation(`${id}: the ${side} ended by ${close.error}`);
    }
  }

  #direction(sender: Account, receiver: Account | undefined): void {
    for (const series of Object.keys(receiver?.received ?? {})) {
      if (!(series in sender.sent) && !series.startsWith("q/")) {
        this.#violation(`${sender.id}: the ${receiver!.side} received ${series}, which was not sent to it`);
      }
    }
    for (const [series, sent] of Object.entries(sender.sent)) {
      this.#series(series, sent, sender, receiver);
    }
  }

  #series(series: string, sent: Sent, sender: Account, receiver: Account | undefined): void {
    const verdict = this.#verdict;
    const { from, to, dropped } = sent;
    const runs = receiver?.received[series] ?? [];
    const what = `${sender.id}, ${series} of the ${sender.side}`;
    const delivered = countOf(runs);
    const doubtful = sent.doubtful.filter((number) => !runs.some(([a, b]) => a <= number && number <= b));
    verdict.accepted += to - from;
    verdict.delivered += delivered;
    verdict.rejected += doubtful.length;
    verdict.dropped += dropped;
    let next = from;
    for (const [first, last] of runs) {
      if (first < next || last >= to) {
        this.#violation(`${what}: ${first} to ${last} came where ${next} to ${to - 1} could`);
      }
      // A receiver that has closed drops what finds its queue full, and takes what comes after that.
      if (!series.startsWith("t/") && !receiver!.left) {
        for (let number = next; number < first; number++) {
          if (!doubtful.includes(number)) this.#violation(`${what}: ${number} is missing before ${first}`);
        }
      }
      next = last + 1;
    }
    const lost = to - from - delivered - doubtful.length - dropped;
    if (lost < 0 && sender.close?.wasClean) {
      this.#violation(`${what}: ${-lost} were delivered that are said to be lost`);
    }
    if (lost <= 0) return;
    if (isReported(sender)) verdict.reported += lost;
    else if (receiver?.left) verdict.unread += lost;
    else if ((this.#deceived.has(sender.id) || hasGivenUp(receiver)) && !isAnswered(sender)) {
      verdict.unknowable += lost;
    } else {
      this.#violation(
        `${what}: ${lost} of ${to - from} are lost (the first is ${next}), and nobody was told: ${
          describe(sender.close)
        }; the receiver's end: ${describe(receiver?.close)}`,
      );
    }
  }

  /** The messages of a reconnecting client, over all of its connections. */
  queue({ client, accepted, unsent }: QueueAccount): void {
    const series = `q/${client}`;
    const ids = [...this.#clients.keys()].filter((id) => id.startsWith(`${client}.`));
    ids.sort((a, b) => Number(a.split(".")[1]) - Number(b.split(".")[1]));
    const end = accepted - unsent.length;
    if (unsent.some((number, i) => number !== end + i)) {
      this.#violation(`${series}: ${unsent.join(", ")} wait, which are not the last of ${accepted}`);
    }
    let next = 0;
    // The connections since the one that the last message came by: what is missing was given to one of them.
    let suspects: string[] = [];
    for (const id of ids) {
      suspects.push(id);
      for (const [first, last] of this.#servers.get(id)?.received[series] ?? []) {
        if (first < next || last >= end) {
          this.#violation(`${series}: ${first} to ${last} came by ${id} where ${next} to ${end - 1} could`);
        }
        this.#missing(series, first - next, suspects);
        this.#verdict.delivered += last - first + 1;
        next = last + 1;
        suspects = [id];
      }
    }
    this.#verdict.accepted += accepted;
    this.#verdict.reported += unsent.length;
    this.#missing(series, end - next, suspects);
  }

  #missing(series: string, lost: number, suspects: readonly string[]): void {
    if (lost <= 0) return;
    const accounts = suspects.map((id) => this.#clients.get(id)!);
    if (accounts.some(isReported)) this.#verdict.reported += lost;
    else if (suspects.some((id) => this.#servers.get(id)?.left)) this.#verdict.unread += lost;
    else if (suspects.some((id) => this.#deceived.has(id) || hasGivenUp(this.#servers.get(id)))) {
      this.#verdict.unknowable += lost;
    } else {
      const ends = accounts.map(({ id, close }) => `${id} ${describe(close)}`).join("; ");
      this.#violation(`${series}: ${lost} are lost, and nobody was told: ${ends || "never connected"}`);
    }
  }
}
