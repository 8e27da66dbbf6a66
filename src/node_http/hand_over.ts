/**
 * Hands connections to `node:http`: whatever is no WebSocket of ours is the application's, with its bytes. The
 * application's own server runs them: its `connection` event takes any stream.
 *
 * @module
 */
import { EventEmitter } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isOfferedByTheWay, withoutUpgrade } from "../http/without_upgrade.ts";
import { every, now } from "../support/clock.ts";
import { Roster } from "../support/roster.ts";
import type { Transport } from "../transport/transport.ts";
import { HttpConnection, type HttpOwner, type HttpTimeouts } from "./http_connection.ts";
import type { Released } from "./transport_stream.ts";

/** A request listener of `node:http`. */
export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

/** Decides about requests that `node:http` has read. */
export interface HttpRules {
  /** Milliseconds for a request head. */
  readonly headTimeout: number;
  /** Limits on request heads, where the application's server has none of its own. */
  readonly headLimits: { readonly maxHeadSize: number; readonly maxHeaders: number };
  /** Whether a request breaks a rule, so that the application does not get it. */
  refuses(request: IncomingMessage): boolean;
  /** Takes the transport of a refused request back. */
  refuse(request: IncomingMessage, connection: HttpConnection): void;
  /** A request for an upgrade. Takes the transport back and returns `true` if it is ours to answer. */
  upgrade(request: IncomingMessage, connection: HttpConnection, head: Uint8Array): boolean;
  /** Nobody took an upgrade. Takes the transport back. */
  unclaimed(request: IncomingMessage, connection: HttpConnection): void;
  /** A request did not arrive in time. Takes the transport back. */
  timedOut(connection: HttpConnection, what: "head" | "body"): void;
  /** A connection is over, and its transport as well. */
  closed(address: string): void;
}

// Milliseconds between two looks at the deadlines, at most; each is found at most an eighth of itself too late.
const LONGEST_TICK = 1000;
const EIGHTH = 8;

// What node:http waits beyond its keepAliveTimeout: a request may already be on its way.
const KEEP_ALIVE_MARGIN = 1000;

const WEBSOCKET = /\bwebsocket\b/i;

// Events that node:http fires if there are listeners, and otherwise does something by itself.
const DECIDED_HERE = ["upgrade", "connect", "checkContinue"];

/** The connections of one server that are the application's. */
export class HandOver implements HttpOwner {
  /** The connections. */
  readonly connections: Roster<HttpConnection> = new Roster();
  /** See {@linkcode HttpOwner.closing}. */
  closing = false;
  readonly #server: Server;
  // What node:http takes for the server: the application's, but for what is decided here.
  readonly #view: Server;
  readonly #rules: HttpRules;
  #stopWatch: (() => void) | undefined;

  /** Connections go to this application. */
  constructor(application: RequestListener | Server, rules: HttpRules) {
    this.#rules = rules;
    const server = typeof application === "function" ? createServer(application) : application;
    this.#server = server;
    this.#view = Object.create(server, {
      // Deno would close each connection after its first response.
      listening: { value: true },
      // Whether an upgrade is an event or an ordinary request; Node 20 asks whether there are listeners.
      shouldUpgradeCallback: {
        value: (request: IncomingMessage) => this.#isUpgrade(request),
        writable: true,
      },
      listenerCount: {
        value: (name: string) => DECIDED_HERE.includes(name) ? 1 : server.listenerCount(name),
      },
      maxHeaderSize: { value: inside(server).maxHeaderSize ?? rules.headLimits.maxHeadSize },
      emit: { value: (name: string, ...args: unknown[]) => this.#emit(name, args) },
    }) as Server;
  }

  /** See {@linkcode HttpOwner.timeouts}. */
  get timeouts(): HttpTimeouts {
    const { headersTimeout, requestTimeout, keepAliveTimeout } = this.#server;
    return {
      head: Math.min(this.#rules.headTimeout, limitOf(headersTimeout)),
      request: limitOf(requestTimeout),
      keepAlive: limitOf(keepAliveTimeout) + KEEP_ALIVE_MARGIN,
    };
  }

  /** Hands over a transport, and what was already read from it, which is not borrowed; `ended`: to its end. */
  take(transport: Transport, early: Uint8Array, ended: boolean): void {
    const connection = new HttpConnection(transport, early, ended, this);
    connection.place = this.connections.add(connection);
    this.#stopWatch ??= this.#watch();
    this.#begin(connection);
    // Bun's node:http does not listen.
    if (connection.listenerCount("timeout") === 0) {
      connection.on("timeout", () => connection.inactive(this.#server));
    }
  }

  /** Fires `connection`. The server's own emit() would call the listeners with the server as `this`, not the view. */
  #begin(connection: HttpConnection): boolean {
    return EventEmitter.prototype.emit.call(this.#view, "connection", connection);
  }

  /** From now on each connection ends when its requests have been answered. */
  close(): void {
    this.closing = true;
    for (const connection of this.connections) connection.finish();
  }

  /** Drops all connections. */
  abort(): void {
    for (const connection of this.connections) connection.abort();
  }

  /** See {@linkcode HttpOwner.expired}. */
  expired(connection: HttpConnection, what: "head" | "body"): void {
    if (connection.answerable) this.#rules.timedOut(connection, what);
    else connection.abort();
  }

  /** See {@linkcode HttpOwner.closed}. */
  closed(connection: HttpConnection, address: string): void {
    this.#remove(connection);
    this.#rules.closed(address);
  }

  /** Takes a connection's transport back. */
  release(connection: HttpConnection): Released {
    this.#remove(connection);
    return connection.release();
  }

  #remove(connection: HttpConnection): void {
    this.connections.remove(connection, connection.place);
    if (this.connections.size > 0) return;
    this.#stopWatch?.();
    this.#stopWatch = undefined;
  }

  #watch(): () => void {
    const { head, request, keepAlive } = this.timeouts;
    return every(Math.min(LONGEST_TICK, Math.ceil(Math.min(head, request, keepAlive) / EIGHTH)), () => {
      const time = now();
      for (const connection of this.connections) connection.check(time);
    });
  }

  #emit(name: string, args: unknown[]): boolean {
    switch (name) {
      case "request":
      case "checkExpectation":
        return this.#request(name, ...args as [IncomingMessage, ServerResponse]);
      case "checkContinue": {
        const [request, response] = args as [IncomingMessage, ServerResponse];
        if (this.#server.listenerCount(name) > 0) return this.#request(name, request, response);
        if (this.#refuses(request)) return true;
        response.writeContinue();
        return this.#request("request", request, response);
      }
      case "upgrade": {
        const [request, connection, head] = args as [IncomingMessage, HttpConnection, Uint8Array];
        // A response to an earlier request may still be going out.
        if (!connection.leaving) connection.leave("upgrade", () => this.#upgrade(request, connection, head));
        return true;
      }
      case "connect": {
        // As by the first request of a connection: the target of CONNECT is for proxies.
        const [request, connection] = args as [IncomingMessage, HttpConnection];
        if (!connection.leaving) connection.leave("refused", () => this.#rules.refuse(request, connection));
        return true;
      }
      case "connection": {
        const [connection] = args;
        if (!(connection instanceof HttpConnection)) break;
        connection.reread();
        return this.#begin(connection);
      }
    }
    return this.#server.emit(name, ...args);
  }

  #request(name: string, request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#refuses(request)) return true;
    (request.socket as unknown as HttpConnection).began(request, response);
    return this.#server.emit(name, request, response);
  }

  #refuses(request: IncomingMessage): boolean {
    const connection = request.socket as unknown as HttpConnection;
    if (connection.leaving) return true;
    if (!this.#rules.refuses(request)) return false;
    connection.leave("refused", () => this.#rules.refuse(request, connection));
    return true;
  }

  /** Whether an upgrade is more than an offer that clients make by the way. */
  #isUpgrade(request: IncomingMessage): boolean {
    const { upgrade = "" } = request.headers;
    if (isOfferedByTheWay(upgrade)) return false;
    if (WEBSOCKET.test(upgrade)) return true;
    const own = inside(this.#server).shouldUpgradeCallback;
    return own === undefined ? this.#server.listenerCount("upgrade") > 0 : own.call(this.#server, request);
  }

  #upgrade(request: IncomingMessage, connection: HttpConnection, head: Uint8Array): void {
    if (!this.#isUpgrade(request)) this.#asRequest(request, connection, head);
    else if (this.#rules.upgrade(request, connection, head)) return;
    else if (this.#server.listenerCount("upgrade") > 0) {
      connection.leaveToOthers(() => this.#rules.unclaimed(request, connection));
      this.#server.emit("upgrade", request, connection, head);
    } else this.#rules.unclaimed(request, connection);
  }

  /** Only on Node 20, which makes an event of every upgrade. */
  #asRequest(request: IncomingMessage, connection: HttpConnection, head: Uint8Array): void {
    const { transport, rest, ended } = this.release(connection);
    this.take(transport, Buffer.concat([Buffer.from(withoutUpgrade(request), "latin1"), head, rest]), ended);
  }
}

/** A limit of `node:http`, where 0 is for none. */
function limitOf(milliseconds: number): number {
  return milliseconds === 0 ? Infinity : milliseconds;
}

/** What is not in the types of `node:http` for Node 20. */
interface Inside {
  readonly maxHeaderSize?: number;
  shouldUpgradeCallback?(request: IncomingMessage): boolean;
}

function inside(server: object): Inside {
  return server;
}
