/**
 * A refusal that nobody would see: browsers do not tell a page why its WebSocket was refused, and a server without a
 * `refused` hook reports nothing. For the two options that every newcomer meets, a line on stderr says it.
 *
 * @module
 */
import { now as currentTime } from "../support/clock.ts";
import type { RequestHead } from "../http/head.ts";
import { printable } from "../http/printable.ts";
import type { Refusal } from "../handshake/refusal.ts";

// The peers decide how often there is a reason for a line.
const LINES = 5;
const SPAN = 60_000;

/** Writes notices of refusals, rate-limited. */
export class RefusalNotice {
  #since = -Infinity;
  #lines = 0;
  #untold = 0;

  /** A request was refused. Only refusals by `origins` and `hosts` get a line, at most five a minute. */
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

/** What was refused, and which option would allow it; `undefined` for refusals unrelated to `origins` or `hosts`. */
export function describeRefusal({ code }: Refusal, head: RequestHead | undefined): string | undefined {
  const host = quoted(head?.headers.get("host"));
  if (code === "host-not-allowed") {
    const name = quoted(head?.headers.get("host")?.replace(/:[0-9]*$/, ""));
    return `refused a request for Host ${host}, which is not among hosts. To allow it: hosts: [${name}].`;
  }
  if (code !== "origin-not-allowed") return undefined;
  const origin = quoted(head?.headers.get("origin"));
  return `refused a WebSocket from Origin ${origin} to Host ${host}, which is not among origins. ` +
    `To allow it: origins: [${origin}].`;
}

function quoted(value: string | undefined): string {
  return value === undefined ? "(none)" : JSON.stringify(printable(value.slice(0, 256)));
}
