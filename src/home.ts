/**
 * What the connections of one server share.
 *
 * @module
 */
import type { Connection, ConnectionHome } from "./connection.ts";
import type { ConnectionSettings } from "./connection_options.ts";
import { reportError } from "./error_hook.ts";
import { Roster } from "./roster.ts";
import type { Topics } from "./topics/topics.ts";

/** The home of a server's connections. */
export class Home<Data> implements ConnectionHome<Data> {
  readonly role = "server";
  readonly settings: ConnectionSettings;
  readonly topics: Topics<Data>;
  /** Those that are open or closing. */
  readonly connections: Roster<Connection<Data>> = new Roster();
  readonly #options: { error?(error: unknown): void };

  /** A home without connections. What handlers throw goes to the `error` hook. */
  constructor(
    options: { error?(error: unknown): void },
    settings: ConnectionSettings,
    topics: Topics<Data>,
  ) {
    this.#options = options;
    this.settings = settings;
    this.topics = topics;
  }

  began(socket: Connection<Data>): number {
    return this.connections.add(socket);
  }

  ended(socket: Connection<Data>, place: number): void {
    this.connections.remove(socket, place);
  }

  handlerFailed(error: unknown): void {
    reportError(this.#options.error, error);
  }
}
