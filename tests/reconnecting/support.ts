/** What the tests of the reconnecting client share. */
import { type Connection, type Message, serve, type ServeOptions, type Server } from "../../mod.ts";
import type { Clock } from "../../src/reconnecting/reconnecting.ts";

/** A clock that goes on only when it is asked to sleep, or told to. */
export class TestClock implements Clock {
  readonly slept: number[] = [];
  time = 0;
  chance = 0;
  /** Called instead of waiting. */
  onSleep: (signal: AbortSignal) => void | Promise<void> = () => {};

  now(): number {
    return this.time;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.slept.push(ms);
    await this.onSleep(signal);
    signal.throwIfAborted();
    this.time += ms;
  }

  random(): number {
    return this.chance;
  }
}

/** A server, its connections and what it received. */
export type Scripted = Server & { opened: Connection[]; messages: Message[] };

/** A server that does with its n-th connection what the n-th function says, and with all others nothing. */
export async function scripted(
  scripts: ((socket: Connection) => unknown)[],
  options: ServeOptions = {},
): Promise<Scripted> {
  const opened: Connection[] = [];
  const messages: Message[] = [];
  const server = await serve({ port: 0, ...options }, {
    open: (socket) => void scripts[opened.push(socket) - 1]?.(socket),
    message: (socket, message) => {
      if (message === "go away") void socket.close(1001);
      else messages.push(message);
    },
  });
  return Object.assign(server, { opened, messages });
}

/** Runs a client's loop to its end, and answers what it threw. */
export async function ending(client: AsyncIterable<Connection>): Promise<unknown> {
  try {
    for await (const socket of client) for await (const _ of socket);
  } catch (error) {
    return error;
  }
  return undefined;
}
