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

/** The hooks that a home needs. */
export interface HomeOptions<Data> {
  /** Called when a limit is reached. */
  limit?(event: LimitEvent<Data>): void;
  /** Called with what handlers throw. */
  error?(error: unknown): void;
}

/** What the connections of a server share. */
export class Home<Data> implements ConnectionHome<Connection<Data>> {
  readonly role = "server";
  readonly settings: ConnectionSettings;
  readonly topics: Topics<Data>;
  /** The open and closing connections. */
  readonly connections: Roster<Connection<Data>>;
  /** Limits the number of connections. */
  readonly admission: Admission;
  /** Counts and reports reached limits. */
  readonly limits: LimitLedger<Data>;
  readonly #options: HomeOptions<Data>;
  // Bytes that connections may keep for compression.
  #compressionHold = 0;

  /** Starts without connections. What handlers throw goes to the `error` hook. */
  constructor(
    options: HomeOptions<Data>,
    settings: ConnectionSettings,
    topics: Topics<Data>,
    admission: Admission,
    connections: Roster<Connection<Data>> = new Roster(),
    limits: LimitLedger<Data> = new LimitLedger(options),
  ) {
    this.#options = options;
    this.settings = settings;
    this.topics = topics;
    this.admission = admission;
    this.connections = connections;
    this.limits = limits;
  }

  /** A home with other settings; all else is the same, and counted together. */
  alike(settings: ConnectionSettings): Home<Data> {
    return new Home(this.#options, settings, this.topics, this.admission, this.connections, this.limits);
  }

  /** Whether the compression of one more connection is within the memory budget. */
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
