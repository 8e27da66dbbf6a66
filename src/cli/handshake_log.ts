/**
 * The latest opening handshakes of the demo page, each under a random id chosen by the page. Browsers do not tell a
 * page why a WebSocket was refused, so the page asks the server.
 *
 * @module
 */
import { acceptKey, GUID, keyDigest } from "../handshake/accept_key.ts";
import type { Refusal } from "../handshake/refusal.ts";
import type { HandshakeReport } from "../server/options.ts";

/** How `Sec-WebSocket-Accept` was computed, step by step (RFC 6455, section 4.2.2). */
export interface AcceptSteps {
  /** `Sec-WebSocket-Key`, as the client sent it. */
  readonly key: string;
  /** The GUID of the RFC. */
  readonly guid: string;
  /** SHA-1 of key and GUID, in hexadecimal. */
  readonly sha1: string;
  /** SHA-1 in Base64: `Sec-WebSocket-Accept`. */
  readonly accept: string;
}

/** One opening handshake. */
export interface HandshakeRecord {
  /** How it ended. */
  readonly outcome: "accepted" | "refused";
  /** The head of the request, as the server received it. */
  readonly request: string;
  /** What the server answered. */
  readonly response: string;
  /** How `Sec-WebSocket-Accept` was computed; only if accepted. */
  readonly steps?: AcceptSteps;
  /** Why it was refused. */
  readonly refusal?: Pick<Refusal, "code" | "status" | "section" | "message">;
}

const PAGE_ID = /[?&]page=([0-9a-f]{32})(?:&|$)/;

/** Keeps the latest records and drops the oldest. */
export class HandshakeLog {
  readonly #capacity: number;
  readonly #records = new Map<string, HandshakeRecord>();

  /** Keeps up to `capacity` records. */
  constructor(capacity: number = 64) {
    this.#capacity = capacity;
  }

  /** Records the handshake if its request target carries a page id: `/?page=` and 32 hexadecimal digits. */
  add({ request, response }: HandshakeReport, refusal?: Refusal): void {
    const id = request === undefined ? undefined : PAGE_ID.exec(request.target)?.[1];
    if (request === undefined || id === undefined) return;
    this.#records.delete(id);
    this.#records.set(id, {
      ...(refusal === undefined
        ? { outcome: "accepted", steps: acceptSteps(request.headers.get("sec-websocket-key") ?? "") }
        : { outcome: "refused", refusal: reasonOf(refusal) }),
      request: request.text,
      response,
    });
    for (const oldest of this.#records.keys()) {
      if (this.#records.size <= this.#capacity) break;
      this.#records.delete(oldest);
    }
  }

  /** The latest handshake with this id. */
  find(id: string): HandshakeRecord | undefined {
    return this.#records.get(id);
  }
}

function acceptSteps(key: string): AcceptSteps {
  const digest = Array.from(keyDigest(key), (byte) => byte.toString(16).padStart(2, "0"));
  return { key, guid: GUID, sha1: digest.join(""), accept: acceptKey(key) };
}

function reasonOf({ code, status, section, message }: Refusal): HandshakeRecord["refusal"] & object {
  return { code, status, section, message };
}
