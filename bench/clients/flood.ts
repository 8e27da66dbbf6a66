/** Shared by the bench clients: they read, and report to the server after every batch of messages. */
import process from "node:process";

/** Messages per report. */
export const TOLD_TOGETHER = 1024;

/** The URL to connect to. */
export function floodUrl(): string {
  process.stdin.on("end", () => process.exit(0)).resume();
  return `ws://127.0.0.1:${process.argv[2]}/`;
}

/** Call it for each message. Returns whether to report to the server. */
export function counter(): () => boolean {
  let messages = 0;
  return () => ++messages % TOLD_TOGETHER === 0;
}

/** The report. */
export const TOLD = "more";
