/** What one end of a connection knows of its messages: those it sent, those it received, and how all ended. */
import type { Close, Connection, Message } from "../../mod.ts";
import { readNumbered } from "./numbered.ts";

/** Messages of one series that `send()`, `sendStream()` or `publish()` accepted. */
export interface Sent {
  /** The first number. */
  readonly from: number;
  /** The number after the last. */
  to: number;
  /** Those whose promise was rejected: whether they arrived is not known, and that was said. */
  readonly doubtful: number[];
  /** How many the sender says were dropped. */
  dropped: number;
}

/** How a connection ended, as it can be told to another process. */
export interface ToldClose {
  readonly code: number;
  readonly wasClean: boolean;
  readonly initiator: "local" | "remote";
  /** The name and the message of the error, if there was one. */
  readonly error: string | undefined;
}

/** One end of one connection. */
export interface Account {
  /** The same at both ends. */
  readonly id: string;
  /** Which end. */
  readonly side: "client" | "server";
  /** By series. */
  readonly sent: Record<string, Sent>;
  /** By series: the numbers in the order in which they came, as runs without a gap, from the first to the last. */
  readonly received: Record<string, [number, number][]>;
  /** Whether the application took no more messages before the connection had ended. */
  left: boolean;
  /** How it ended; `undefined` when nobody was told. */
  close: ToldClose | undefined;
  /** `bufferedAmount` after the end. */
  buffered: number;
}

/** Begins an account without a message. */
export function openAccount(id: string, side: Account["side"]): Account {
  return { id, side, sent: {}, received: {}, left: false, close: undefined, buffered: 0 };
}

/** Enters a message that was received. Throws when it is damaged. */
export function enterReceived({ received }: Account, message: Message): void {
  const { series, number } = readNumbered(message);
  const runs = received[series] ??= [];
  const last = runs.at(-1);
  if (last !== undefined && number === last[1] + 1) last[1] = number;
  else runs.push([number, number]);
}

/** Enters how the connection ended. */
export function enterClose(account: Account, socket: Connection<unknown>, close: Close): void {
  const { code, wasClean, initiator, error } = close;
  const told = error === undefined ? undefined : `${error.name}: ${error.message}`;
  account.close = { code, wasClean, initiator, error: told };
  account.buffered = socket.bufferedAmount;
}
