/**
 * A refusal that nobody would see: a browser tells a page nothing about why its WebSocket was refused, and a server without a
 * `refused` hook tells nobody. For the two options that meet every newcomer, a line on stderr says it.
 *
 * @module
 */
import { now as currentTime } from "../support/clock.ts";
import type { RequestHead } from "../http/head.ts";
import { printable } from "../http/printable.ts";
import type { Refusal } from "../handshake/refusal.ts";

// Peers decide how often there is a reason for a line.
const LINES = 5;
const SPAN = 60_000;

/** Writes of refusals, within limits. */
export class RefusalNotice {
  #since = -Infinity;
  #lines = 0;
  #untold = 0;

  /** A request was refused. Of `origins` and `hosts` alone there is a line, of at most five within a minute. */
  tell(refusal: Refusal, head: RequestHead | undefined): void {
    const told = describeRefusal(refusal, head);
    if (told === undefined) return;
    const now = currentTime();
    if (now - this.#since >= SPAN) {
      this.#since = now;
      this.#lines = 0;
    }
    if (++this.#lines > LINES) {
      this.#untold++;
      return;
    }
    const before = this.#untold === 0 ? "" : ` (${this.#untold} more were refused before)`;
    this.#untold = 0;
    console.error(`woshou: ${told}${before}`);
  }
}

/** What was refused, and what would let it in; `undefined` for refusals that have nothing to do with `origins` or `hosts`. */
export function describeRefusal({ code }: Refusal, head: RequestHead | undefined): string | undefined {
  const host = quoted(head?.headers.get("host"));
  if (code === "host-not-allowed") {
    const name = quoted(head?.headers.get("host")?.replace(/:[0-9]*$/, ""));
    return `refused a request for Host ${host}, which is not among hosts. To let it in: hosts: [${name}].`;
  }
  if (code !== "origin-not-allowed") return undefined;
  const origin = quoted(head?.headers.get("origin"));
  return `refused a WebSocket from Origin ${origin} to Host ${host}, which is not among origins. ` +
    `To let it in: origins: [${origin}].`;
}

function quoted(value: string | undefined): string {
  return value === undefined ? "(none)" : JSON.stringify(printable(value.slice(0, 256)));
}
