/**
 * One opening handshake on one client stream. It ends in a connection, a redirect, or an error that says what went
 * wrong.
 *
 * @module
 */
import { DEADLINE } from "./deadline.ts";
import { readCompression } from "../compression/options.ts";
import { type Connection, type ConnectionHandler, startConnection } from "../connection/connection.ts";
import type { ConnectionSettings } from "../connection/options.ts";
import type { ClientHandshake, FailedOutcome } from "../handshake/client_handshake.ts";
import { HandshakeError } from "../handshake/handshake_error.ts";
import type { ResponseHead } from "../http/head.ts";
import { publishLimit } from "../connection/limits.ts";
import type { ConnectionLimit } from "../protocol/errors.ts";
import { describeLocation, isRedirect } from "./redirect.ts";
import { ResponseBody } from "./response_body.ts";
import type { Transport, TransportError, TransportHandler } from "../transport/transport.ts";

/** The parts of a client's opening handshake. */
export interface ClientOpeningInit {
  /** The dialed stream; nothing is attached to it yet. */
  readonly transport: Transport;
  /** The request, and the check of the response. */
  readonly handshake: ClientHandshake;
  /** Limits and deadlines of the connection. */
  readonly settings: ConnectionSettings;
  /** Receives the connection, if present. */
  readonly handler: ConnectionHandler | undefined;
  /** Called with what the handler threw. */
  readonly onError: (error: unknown) => void;
  /** Whether redirects are followed; if not, a redirect is a failure. */
  readonly followsRedirects: boolean;
}

/** The result of an opening handshake that did not fail. */
export type Opened =
  | { readonly kind: "open"; readonly socket: Connection }
  | { readonly kind: "redirect"; readonly head: ResponseHead };

/** The opening handshake on a dialed stream. */
export class ClientOpening implements TransportHandler {
  readonly #init: ClientOpeningInit;
  #resolve!: (opened: Opened) => void;
  #reject!: (error: unknown) => void;
  // The failure, while its response body is still being read.
  #failed: FailedOutcome | undefined;
  #body: ResponseBody | undefined;

  /** Nothing is sent before `run()`. */
  constructor(init: ClientOpeningInit) {
    this.#init = init;
  }

  /**
   * Rejects with a `HandshakeError`, or with the signal's reason. Once the response is known, the deadline only cuts
   * off its body.
   */
  async run(signal: AbortSignal): Promise<Opened> {
    const { transport, handshake } = this.#init;
    const giveUp = (): void => {
      if (signal.reason === DEADLINE && this.#body !== undefined) return this.#finish();
      transport.abort();
      this.#reject(signal.reason);
    };
    try {
      return await new Promise<Opened>((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
        signal.addEventListener("abort", giveUp, { once: true });
        transport.attach(this);
        transport.write(handshake.request());
        if (signal.aborted) giveUp();
      });
    } finally {
      this.#body?.stop();
      signal.removeEventListener("abort", giveUp);
    }
  }

  data(chunk: Uint8Array): void {
    try {
      this.#receive(chunk);
    } catch (error) {
      // An exception while handling a peer's bytes ends that stream and nothing else.
      this.#init.transport.abort();
      this.#reject(error);
    }
  }

  #receive(chunk: Uint8Array): void {
    if (this.#failed !== undefined) return this.#body?.push(chunk);
    const { transport, handshake, settings, handler, onError } = this.#init;
    const result = handshake.receive(chunk);
    if (result === undefined) return;
    const { outcome, end } = result;
    const rest = chunk.subarray(end);
    if (outcome.kind === "failed") return this.#fail(outcome, rest);
    const { head, extensions } = outcome;
    const compression = settings.compression && readCompression(extensions, settings.compression);
    if (typeof compression === "string") {
      return this.#fail({
        kind: "failed",
        failure: { code: "extension-parameters", section: "RFC 7692, section 5.1", message: compression },
        head,
      }, rest);
    }
    const socket = startConnection<undefined>(
      {
        home: { role: "client", settings, handlerFailed: onError, limitReached: tellOfLimit },
        transport,
        protocol: outcome.protocol,
        extensions: compression === undefined ? "" : head.headers.get("sec-websocket-extensions")!,
        compression,
        data: undefined,
        request: undefined,
      },
      handler,
      rest,
    );
    this.#resolve({ kind: "open", socket });
  }

  drain(): void {}

  end(): void {
    this.#endOfResponse();
    this.#finish();
  }

  #endOfResponse(): void {
    const { transport, handshake } = this.#init;
    this.#failed ??= handshake.receiveEnd(transport.encrypted);
  }

  close(error?: TransportError): void {
    if (this.#failed === undefined && error !== undefined) {
      this.#reject(new HandshakeError(error.message, { step: "response", reason: error.code, cause: error }));
      return;
    }
    this.#endOfResponse();
    this.#finish();
  }

  #fail(outcome: FailedOutcome, rest: Uint8Array): void {
    this.#failed = outcome;
    const { failure, head } = outcome;
    if (head === undefined || failure.code !== "unexpected-status") return this.#finish();
    if (this.#init.followsRedirects && isRedirect(head.status)) {
      this.#init.transport.abort();
      return this.#resolve({ kind: "redirect", head });
    }
    this.#body = new ResponseBody(head, () => this.#finish());
    this.#body.push(rest);
  }

  #finish(): void {
    const { failure, head } = this.#failed!;
    const said = this.#body?.said || wantsTls(this.#body?.text) || gateway(head);
    this.#init.transport.abort();
    this.#reject(
      new HandshakeError(failure.message + redirection(head) + said, {
        step: "response",
        reason: failure.code,
        section: failure.section,
        status: head?.status,
        headers: head?.headers,
        body: this.#body?.text,
      }),
    );
  }
}

/** Publishes the limit on the diagnostics channel only: a client has no `limit` hook. */
function tellOfLimit(limit: ConnectionLimit, socket: Connection, message: () => string): void {
  const { remoteAddress } = socket;
  publishLimit(() => ({ kind: "limit", limit, remoteAddress, socket, message: message() }));
}

function redirection(head: ResponseHead | undefined): string {
  if (head === undefined || !isRedirect(head.status)) return "";
  const location = describeLocation(head.headers.get("location") ?? "nowhere");
  return ` It redirects to ${location}: connect there, or follow redirects with the option redirects.`;
}

/** The answers of nginx and Go to plain HTTP on a TLS port. */
function wantsTls(body: string | undefined): string {
  return /HTTP request (?:was sent )?to (?:an )?HTTPS (?:port|server)/i.test(body ?? "")
    ? " This port uses TLS: connect with wss:// instead of ws://."
    : "";
}

/** What a gateway error from a proxy means. Its HTML page is not repeated in the message. */
function gateway(head: ResponseHead | undefined): string {
  const isPage = head?.headers.get("content-type")?.startsWith("text/html") ?? false;
  return !isPage || head!.status < 502 || head!.status > 504
    ? ""
    : " A proxy sends this when it cannot reach the server behind it, or does not understand it: its log says why.";
}
