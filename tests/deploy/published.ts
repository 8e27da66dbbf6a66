/** The configurations below docs/deploy, as they are published, and what a test changes in them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../fixtures.ts";

/** What is replaced, and by what. Each has to be there. */
export type Change = readonly [from: string | RegExp, to: string];

/** A published file with these changes. */
export function published(file: string, changes: readonly Change[] = []): string {
  return changed(readFileSync(join(projectRoot, "docs", "deploy", file), "utf8"), changes, file);
}

/** A text with these changes. */
export function changed(text: string, changes: readonly Change[], name = "the text"): string {
  return changes.reduce((before, [from, to]) => {
    const after = typeof from === "string"
      ? before.replaceAll(from, () => to)
      : before.replace(from, () => to);
    assert.notEqual(after, before, `${name} holds nothing like ${from}`);
    return after;
  }, text);
}

/** The part of docs/deploy/README.md below this heading, up to the next. Line ends count as spaces. */
export function chapter(heading: string): string {
  const parts = published("README.md").split(/^#+ /m);
  const part = parts.find((each) => each.split("\n", 1)[0] === heading);
  assert.ok(part !== undefined, `docs/deploy/README.md has no heading ${heading}`);
  return part.replaceAll(/\s+/g, " ");
}

/** Fails unless docs/deploy/README.md says this below this heading. */
export function assertDocumented(heading: string, text: string): void {
  const wanted = text.trim().replaceAll(/\s+/g, " ");
  const said = chapter(heading);
  assert.ok(
    said.includes(wanted),
    `docs/deploy/README.md, ${heading}, does not say: ${wanted}\nbut: ${said}`,
  );
}
