/** docs/CONFORMANCE.md and docs/conformance/cases.md are made by `node tests/run.mjs conformance`. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../fixtures.ts";
import { test } from "../harness.ts";
import { read, render, RUNTIMES } from "./document.ts";
import { cases } from "./suite.ts";

const documentAt = (path: string): string =>
  readFileSync(join(projectRoot, "docs", path), "utf8").replaceAll("\r\n", "\n");
const document = documentAt("conformance/cases.md");

test("docs/conformance/cases.md lists exactly the suite's cases, with a result for each role and runtime", () => {
  const results = read(document);
  const shown = [...new Set(results.map(({ id }) => id))];
  assert.deepEqual(shown, cases.map(({ id }) => id));
  assert.equal(results.length, cases.length * 2 * RUNTIMES.length);
  for (const [path, text] of Object.entries(render(results))) assert.equal(documentAt(path), text, path);
});

test("docs/conformance/cases.md shows no case that failed or was not run", () => {
  const results = read(document);
  const lawful = ["OK", "NON-STRICT", "INFORMATIONAL"];
  assert.deepEqual(results.filter(({ behavior }) => !lawful.includes(behavior)), []);
  const informational = new Set(
    results.filter((each) => each.behavior === "INFORMATIONAL").map(({ id }) => id),
  );
  assert.deepEqual(
    [...informational],
    cases.filter((each) => each.informational === true).map(({ id }) => id),
  );
});

test("The suite numbers its cases as the Autobahn|Testsuite does: 517 of them, each once", () => {
  const ids = cases.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const count = (group: string) => ids.filter((id) => id.startsWith(`${group}.`)).length;
  assert.deepEqual(
    ["1", "2", "3", "4", "5", "6", "7", "9", "10", "12", "13"].map((group) => [group, count(group)]),
    [
      ["1", 16],
      ["2", 11],
      ["3", 7],
      ["4", 10],
      ["5", 20],
      ["6", 145],
      ["7", 37],
      ["9", 54],
      ["10", 1],
      ["12", 90],
      ["13", 126],
    ],
  );
});
