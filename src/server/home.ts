/**
 * What the connections of one server share.
 *
 * @module
 */
import type { Connection } from "../connection/connection.ts";
import type { ConnectionHome } from "../connection/home.ts";
import type { ConnectionSettings } from "../connection/options.ts";
import type { Admission } from "./admission.ts";
import { reportError } from "../support/error_hook.ts";
import { type LimitEvent, LimitLedger, type LimitName } from "../connection/limits.ts";
import type { MessageCompression } from "../protocol/message_compression.ts";
import { Roster } from "../support/roster.ts";
import type { Topics } from "../topics/topics.ts";
import type { Transport } from "../transport/transport.ts";
import { acceptedRequest } from "./web_request.ts";

/** The hooks that a home has a use for. */
export interface HomeOptions<Data> {
  /** Told of limits. */
  limit?(event: LimitEvent<Data>): void;
  /** Told of what handlers throw. */
  error?(error: unknown): void;
}

/** The home of a server's connections. */
export class Home<Data> implements ConnectionHome<Connection<Data>> {
  readonly role = "server";
  readonly settings: ConnectionSettings;
  readonly topics: Topics<Data>;
  /** Those that are open or closing. */
  readonly connections: Roster<Connection<Data>> = new Roster();
  /** Who may come. */
  readonly admission: Admission;
  /** What is known of limits. */
  readonly limits: LimitLedger<Data>;
  readonly #options: HomeOptions<Data>;
  // Bytes that connections may come to keep for compression.
  #compressionHold = 0;

  /** A home without connections. What handlers throw goes to the `error` hook. */
  constructor(
    options: HomeOptions<Data>,
    settings: ConnectionSettings,
    topics: Topics<Data>,
    admission: Admission,
  ) {
    this.#options = options;
    this.settings = settings;
    this.topics = topics;
    this.admission = admission;
    this.limits = new LimitLedger(options);
  }

  /** Whether what one more connection may keep for compression is within the budget. */
  hasRoomFor(compression: MessageCompression): boolean {
    return this.#compressionHold + compression.largestHold <= this.settings.compression!.memoryBudget;
  }

  began(socket: Connection<Data>, compression: MessageCompression | undefined): number {
    this.#compressionHold += compression?.largestHold ?? 0;
    return this.connections.add(socket);
  }

  ended(socket: Connection<Data>, compression: MessageCompression | undefined, place: number): void {
    this.#compressionHold -= compression?.largestHold ?? 0;
    this.connections.remove(socket, place);
    this.admission.leave(socket.remoteAddress);
  }

  limitReached(limit: LimitName, socket: Connection<Data>, message: () => string): void {
    this.limits.reached(limit, socket.remoteAddress, socket, message);
  }

  request(head: string, transport: Transport): Request {
    return acceptedRequest(head, transport);
  }

  handlerFailed(error: unknown): void {
    reportError(this.#options.error, error);
  }
}
