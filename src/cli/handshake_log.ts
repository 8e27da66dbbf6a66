/**
 * The last opening handshakes of the page, each under the random id that the page chose: a browser tells a page
 * nothing about why a WebSocket was refused, so that the page asks the server.
 *
 * @module
 */
import { acceptKey, GUID, keyDigest } from "../handshake/accept_key.ts";
import type { Refusal } from "../handshake/refusal.ts";
import type { HandshakeReport } from "../server/options.ts";

/** How `Sec-WebSocket-Accept` came about, step by step (RFC 6455, section 4.2.2). */
export interface AcceptSteps {
  /** `Sec-WebSocket-Key`, as the client sent it. */
  readonly key: string;
  /** The GUID of the RFC. */
  readonly guid: string;
  /** SHA-1 of both, as hexadecimal digits. */
  readonly sha1: string;
  /** The same in Base64: `Sec-WebSocket-Accept`. */
  readonly accept: string;
}

/** An opening handshake as it happened. */
export interface HandshakeRecord {
  /** How it ended. */
  readonly outcome: "accepted" | "refused";
  /** The head of the request, as the server received it. */
  readonly request: string;
  /** What the server answered. */
  readonly response: string;
  /** How the answer's proof was computed; of an accepted handshake alone. */
  readonly steps?: AcceptSteps;
  /** Why it was refused. */
  readonly refusal?: Pick<Refusal, "code" | "status" | "section" | "message">;
}

const PAGE_ID = /[?&]page=([0-9a-f]{32})(?:&|$)/;

/** Keeps the last few records; the oldest makes room. */
export class HandshakeLog {
  readonly #capacity: number;
  readonly #records = new Map<string, HandshakeRecord>();

  /** Keeps up to `capacity` records. */
  constructor(capacity: number = 64) {
    this.#capacity = capacity;
  }

  /** Keeps the handshake, if its request target names a page's id: `/?page=` and 32 hexadecimal digits. */
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

  /** The last handshake under this id. */
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
