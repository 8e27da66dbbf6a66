/** The parts of docs/RELIABILITY.md that these programs write. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../bench/harness/project.ts";

const DOCUMENT = join(projectRoot, "docs", "RELIABILITY.md");

/** A table in Markdown; the first row holds the headings. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const texts = rows.map((row) => row.map(String));
  const widths = texts[0]!.map((_, i) => Math.max(...texts.map((row) => row[i]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join(" | ")} |`;
  const rule = `| ${
    widths.map((width, i) => i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`).join(" | ")
  } |`;
  return [line(texts[0]!), rule, ...texts.slice(1).map(line)].join("\n");
}

/** Puts the text between the markers of this name. Throws when they are not there. */
export function writeBetweenMarkers(name: string, text: string): void {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const old = readFileSync(DOCUMENT, "utf8");
  const [first, last] = [old.indexOf(begin), old.indexOf(end)];
  if (first === -1 || last < first) throw new Error(`docs/RELIABILITY.md has no place for "${name}".`);
  writeFileSync(DOCUMENT, `${old.slice(0, first + begin.length)}\n\n${text.trim()}\n\n${old.slice(last)}`);
}

/** A whole number as it is read easily. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}
