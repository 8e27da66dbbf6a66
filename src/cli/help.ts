/**
 * The text of `--help`.
 *
 * @module
 */
import { type CommandName, type Flag, FLAGS } from "./flags.ts";
import { VERSION } from "./version.ts";

const HELP_WIDTH = 80;

const INTRODUCTIONS: Readonly<Record<CommandName, readonly string[]>> = {
  serve: [
    "Usage: woshou serve [flags]",
    "",
    "An echo server with a page that shows the opening handshake: open",
    "http://127.0.0.1:8000/ in a browser.",
  ],
  connect: [
    "Usage: woshou connect URL [flags]",
    "",
    "A client that prints each message and sends each line that you type.",
  ],
};

/** The text of `--help` for one command, or for the program. */
export function helpText(command?: CommandName): string {
  const title = `woshou ${VERSION} (握手, "handshake"): WebSockets from the command line`;
  if (command === undefined) {
    const others = Object.entries<Flag>(FLAGS).filter(([, { of }]) => of === undefined);
    const parts = Object.values(INTRODUCTIONS).flatMap((lines) => [...lines, ""]);
    return [title, "", ...parts, "woshou serve --help and woshou connect --help list their flags.", ""]
      .concat(table(others, "serve")).join("\n");
  }
  const known = Object.entries<Flag>(FLAGS).filter(([, { of }]) => of?.includes(command) ?? true);
  return [title, "", ...INTRODUCTIONS[command], "Flags with ... may be repeated.", ""]
    .concat(table(known, command)).join("\n");
}

function table(flags: readonly [string, Flag][], command: CommandName): string[] {
  const entries = flags.map(([name, { value, repeatable, help }]) => ({
    usage: `--${name}${value === undefined ? "" : ` ${value}`}${repeatable ? " ..." : ""}`,
    help: typeof help === "string" ? help : help[command],
  }));
  const column = Math.max(...entries.map(({ usage }) => usage.length)) + 4;
  return entries.map(({ usage, help }) =>
    `  ${usage}`.padEnd(column) + wrap(help, HELP_WIDTH - column).join("\n" + " ".repeat(column))
  );
}

function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
