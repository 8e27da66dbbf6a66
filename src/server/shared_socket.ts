/**
 * Sockets for which several listeners of the `upgrade` event of one `node:http` server exist: acceptors, `ws`,
 * Socket.IO, Vite. Each takes its own. Nobody else may write to a socket that is taken, and one that nobody takes gets
 * one answer.
 *
 * @module
 */
import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { latin1Bytes } from "../http/response.ts";
import { isOfferedByTheWay, type UpgradedRequest, withoutUpgrade } from "../http/without_upgrade.ts";
import type { DuplexStream } from "../transport/duplex.ts";
import { startTimer } from "../support/timer.ts";

/** A `node:http` server, as far as it is used. */
export interface UpgradingServer {
  /** The listeners for an event. */
  listeners(event: string): unknown[];
  /** Gives an event to the listeners. */
  emit(event: string, ...args: unknown[]): boolean;
  /** Decides whether an upgrade is an event; Node 20 has none. */
  shouldUpgradeCallback?(request: unknown): boolean;
}

/** The listeners of woshou. */
const ours: WeakSet<object> = new WeakSet();

/** Requests that one of them has taken. */
const taken: WeakSet<object> = new WeakSet();

/** Requests that one of them waits with, because another listener might take them. */
const waiting: WeakSet<object> = new WeakSet();

/** An upgrade, and who has brought it to us. */
export interface Asked {
  /** The request. */
  readonly request: object;
  /** Its socket. */
  readonly socket: DuplexStream;
  /** The server, if it is known. */
  readonly server: UpgradingServer | undefined;
  /** Whether the server itself called us; if not, one of its listeners did, and has decided. */
  readonly direct: boolean;
}

/** Whether this is a server, and not `undefined` or an object of the application that has called. */
export function isServer(value: unknown): value is UpgradingServer {
  return typeof (value as Partial<UpgradingServer> | undefined)?.listeners === "function";
}

/** Remembers a listener as one that leaves alone what is not its own. */
export function register(listener: object): void {
  ours.add(listener);
}

/** The server that a listener was called for: its `this`, or the socket's. */
export function serverOf(caller: unknown, socket: object): UpgradingServer | undefined {
  // On a connection of serve({ http }) it is what node:http takes for the server.
  for (const each of [(socket as { server?: unknown }).server, caller]) {
    if (isServer(each)) return each;
  }
  return undefined;
}

/** The number of listeners that might take a socket and are not of woshou. */
function othersOf({ server, direct }: Asked): number {
  const listeners = server?.listeners("upgrade") ?? [];
  const others = listeners.filter((each) => !ours.has(each as object)).length;
  return direct ? others : Math.max(0, others - 1);
}

/** Whether somebody has taken an upgrade, or has answered it. */
export function isTaken({ request, socket }: Pick<Asked, "request" | "socket">): boolean {
  if (taken.has(request) || socket.destroyed || !socket.writable) return true;
  const emitter = socket as unknown as Partial<EventEmitter>;
  return (emitter.listenerCount?.("data") ?? 0) + (emitter.listenerCount?.("readable") ?? 0) > 0;
}

/**
 * Takes an upgrade and runs `use`, which may write to it. Listeners that are called after us may answer what is not their
 * own (`ws` sends 400 for every other path): until all have been called, the socket does nothing for them.
 */
export function take(asked: Asked, use: () => void): void {
  taken.add(asked.request);
  if (othersOf(asked) === 0) return use();
  let lower = (): void => {};
  const lowerOnce = (): void => {
    lower();
    lower = () => {};
  };
  // Before anything that use() puts off, of either kind.
  queueMicrotask(lowerOnce);
  (globalThis as { process?: { nextTick(call: () => void): void } }).process?.nextTick(lowerOnce);
  use();
  lower = raiseShield(asked.socket);
}

const NOT_FOR_OTHERS = ["write", "end", "destroy", "destroySoon"] as const;

/** Makes the socket ignore calls and listeners, until the result is called. */
function raiseShield(socket: DuplexStream): () => void {
  const emitter = socket as unknown as EventEmitter;
  const before = new Map(emitter.eventNames().map((name) => [name, emitter.rawListeners(name)]));
  for (const name of NOT_FOR_OTHERS) {
    Object.defineProperty(socket, name, { value: () => true, configurable: true, writable: true });
  }
  // Engine.IO ends a socket to which nothing was written within a second.
  Object.defineProperty(socket, "bytesWritten", { value: 1, configurable: true, writable: true });
  return () => {
    for (const name of NOT_FOR_OTHERS) delete (socket as unknown as Record<string, unknown>)[name];
    for (const name of emitter.eventNames()) {
      const known = before.get(name) ?? [];
      for (const listener of emitter.rawListeners(name)) {
        if (!known.includes(listener)) emitter.off(name, listener as () => void);
      }
    }
  };
}

/**
 * Leaves an upgrade to the other listeners. `unclaimed` is called, once for each, if none takes it: after all have
 * been called, or, where some are not of woshou and may need time, after `patience` milliseconds.
 */
export function leave(asked: Asked, patience: number, unclaimed: () => void): void {
  if (waiting.has(asked.request)) return;
  waiting.add(asked.request);
  queueMicrotask(() => {
    if (isTaken(asked)) return;
    if (othersOf(asked) === 0) unclaimed();
    else waitForOthers(asked, patience, unclaimed);
  });
}

function waitForOthers(asked: Asked, patience: number, unclaimed: () => void): void {
  const { socket } = asked;
  const emitter = socket as unknown as EventEmitter;
  const settle = (): void => {
    clearTimeout(timer);
    emitter.off("close", settle);
    delete (socket as { end?: unknown }).end;
  };
  const answer = (): void => {
    settle();
    if (!isTaken(asked)) unclaimed();
  };
  const timer = startTimer(patience, answer);
  (timer as { unref?(): void }).unref?.();
  emitter.on("close", settle);
  // Engine.IO ends a socket that nobody has taken within a second, without an answer.
  const { end, bytesWritten: written } = socket as DuplexStream & { readonly bytesWritten?: number };
  Object.defineProperty(socket, "end", {
    value: (...args: unknown[]) => {
      const bare = args.length === 0 && (socket as { bytesWritten?: number }).bytesWritten === written;
      settle();
      if (bare && !isTaken(asked)) return unclaimed();
      return (end as (...args: unknown[]) => unknown).apply(socket, args);
    },
    configurable: true,
    writable: true,
  });
}

/** Answers a request as if it had asked for no upgrade, by the server's `request` listeners. */
export async function answerAsRequest(
  server: UpgradingServer,
  request: UpgradedRequest,
  socket: DuplexStream,
  early: Uint8Array,
): Promise<void> {
  const emitter = socket as unknown as EventEmitter;
  if (!emitter.listeners("error").includes(ignore)) emitter.on("error", ignore);
  if (request.complete !== false) {
    // The body, if there is one, has not been read yet: the request is read once more.
    const stream = socket as DuplexStream & { unshift(chunk: Uint8Array): void };
    stream.unshift(early);
    stream.unshift(latin1Bytes(withoutUpgrade(request)));
    // A server with TLS would take the decrypted bytes for a connection that begins.
    const secure = socket.encrypted === true && server.listeners("secureConnection").length > 0;
    server.emit(secure ? "secureConnection" : "connection", socket);
    return;
  }
  const { ServerResponse } = await import("node:http");
  const response = new ServerResponse(request as IncomingMessage);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as unknown as Socket);
  response.on("finish", () => {
    response.detachSocket(socket as unknown as Socket);
    socket.end();
  });
  server.emit("request", request, response);
}

/** From the next request on, offers of an upgrade that are made by the way are requests and no events. Not on Node 20. */
export function keepOffersAsRequests(server: UpgradingServer): void {
  const { shouldUpgradeCallback: before } = server;
  if (before === undefined || ours.has(before)) return;
  const after = (request: { readonly headers: { readonly upgrade?: string } }): boolean =>
    !isOfferedByTheWay(request.headers.upgrade ?? "") && before.call(server, request);
  ours.add(after);
  server.shouldUpgradeCallback = after as typeof before;
}

function ignore(): void {}
