/** README.md of this folder names every advisory and class with its test: it must not promise what is not there. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../fixtures.ts";
import { test } from "../harness.ts";

const folder = join(projectRoot, "tests", "hostile");
// They are about documents, not about peers.
const OTHERS = ["coverage_test.ts", "security_document_test.ts"];

const readme: string = readFileSync(join(folder, "README.md"), "utf8");
const files: string[] = readdirSync(folder).filter((file) =>
  file.endsWith("_test.ts") && !OTHERS.includes(file)
);

/** The names that a file gives to `test()`, in its call or by a constant. */
function testsIn(file: string): string[] {
  const source = readFileSync(join(folder, file), "utf8");
  const constants = new Map(
    [...source.matchAll(/const ([A-Z_]+)\s*=\s*("(?:[^"\\]|\\.)*")/g)].map((
      [, name, text],
    ) => [name!, text!]),
  );
  return [...source.matchAll(/\btest\(\s*(?:("(?:[^"\\]|\\.)*")|([A-Z_]+))/g)].map(([, literal, constant]) =>
    JSON.parse(literal ?? constants.get(constant!)!)
  );
}

/** The rows of the table below a heading, without its own heading. */
function rowsBelow(heading: string): string[][] {
  const chapter = readme.split(`\n## ${heading}\n`)[1]!.split("\n## ")[0]!;
  const rows = chapter.split("\n").filter((line) => line.startsWith("| "));
  return rows.slice(2).map((row) => row.slice(1, -1).split("|").map((cell) => cell.trim()));
}

const advisories = rowsBelow("Advisories").map(([id, , , file, name]) => ({
  id: id!,
  file: file!,
  name: name!,
}));
const classes = rowsBelow("Classes without an advisory of their own").map(([file, name]) => ({
  file: file!,
  name: name!,
}));

test("tests/hostile/README.md: every test that it lists exists, in that file", () => {
  assert.ok(advisories.length > 80 && classes.length > 40);
  for (const { file, name } of [...advisories, ...classes]) {
    assert.ok(files.includes(file), file);
    assert.ok(testsIn(file).includes(name), `${file} has no test "${name}"`);
  }
});

test("tests/hostile/README.md: the test of an advisory has it in its name", () => {
  for (const { id, name } of advisories) assert.ok(name.includes(id), `"${name}" does not name ${id}`);
});

test("tests/hostile/README.md: every test of the folder, and every advisory that one names, is listed", () => {
  const listed = new Set([...advisories, ...classes].map(({ file, name }) => `${file}: ${name}`));
  const known = new Set(advisories.map(({ id }) => id));
  for (const file of files) {
    const names = testsIn(file);
    assert.ok(names.length > 0, `${file} has no test that can be read`);
    assert.equal(new Set(names).size, names.length, `two tests of ${file} have one name`);
    for (const name of names) {
      assert.ok(listed.has(`${file}: ${name}`), `"${name}" is not listed`);
      for (const [id] of name.matchAll(/CVE-\d+-\d+|GHSA(?:-[0-9a-z]{4}){3}/g)) assert.ok(known.has(id), id);
    }
  }
});
