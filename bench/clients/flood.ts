/** What the clients of the bench have in common: they read, and tell of every so many messages with one of their own. */
import process from "node:process";

/** Messages that are answered together. */
export const TOLD_TOGETHER = 1024;

/** Where to connect to. */
export function floodUrl(): string {
  process.stdin.on("end", () => process.exit(0)).resume();
  return `ws://127.0.0.1:${process.argv[2]}/`;
}

/** To be called for each message. Answers whether the server is to be told. */
export function counter(): () => boolean {
  let messages = 0;
  return () => ++messages % TOLD_TOGETHER === 0;
}

/** What the server is told. */
export const TOLD = "more";
