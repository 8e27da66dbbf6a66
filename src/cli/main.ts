#!/usr/bin/env node
/**
 * The command line: `woshou serve` and `woshou connect`.
 *
 * @module
 */
import process from "node:process";
import { TransportError } from "../transport/transport.ts";
import { type Command, parseCommand, UsageError } from "./arguments.ts";
import { helpText } from "./help.ts";
import { runClient } from "./connect.ts";
import { endOnSignal, readyLine, startServer } from "./serve.ts";
import { VERSION } from "./version.ts";

async function run(command: Command): Promise<void> {
  if (command.kind === "help") return console.log(helpText(command.command));
  if (command.kind === "version") return console.log(VERSION);
  if (command.kind === "connect") {
    process.exitCode = await runClient(command.settings);
    return;
  }
  const server = await startServer(command.settings);
  endOnSignal(server);
  console.log(readyLine(server.url));
}

try {
  await run(parseCommand(process.argv.slice(2)));
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`woshou: ${error.message} See woshou --help.`);
    process.exitCode = 2;
  } else if (error instanceof TransportError) {
    const hint = error.code === "address-in-use" ? " --port 0 picks a free one." : "";
    console.error(`woshou: ${error.message}${hint}`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
