/** What holds between the files of the project. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { projectRoot } from "./fixtures.ts";
import { test } from "./harness.ts";

function read(path: string): string {
  return readFileSync(join(projectRoot, path), "utf8");
}

function sources(folder: string): string[] {
  return readdirSync(join(projectRoot, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? sources(path) : path.endsWith(".ts") ? [path] : [];
  });
}

test("package.json and deno.json name the same version and the same entry points", () => {
  const npm = JSON.parse(read("package.json"));
  const jsr = JSON.parse(read("deno.json"));
  assert.equal(npm.version, jsr.version);
  const entries = Object.keys(npm.exports).filter((key) => key !== "./package.json");
  assert.deepEqual(entries.sort(), Object.keys(jsr.exports).sort());
  for (const entry of entries) {
    const source = jsr.exports[entry].replace("./", "./dist/").replace(/\.ts$/, "");
    assert.equal(npm.exports[entry].default, `${source}.js`);
    assert.equal(npm.exports[entry].types, `${source}.d.ts`);
  }
  assert.match(read("CHANGELOG.md"), new RegExp(`^## ${npm.version.replaceAll(".", "\\.")}\\b`, "m"));
});

/** A row of the table of rooms: those that stand side by side, and what they may import from outside. */
interface Row {
  readonly rooms: readonly string[];
  readonly outside: readonly string[];
}

/** The table of docs/ARCHITECTURE.md, from the top of the house to its bottom. */
function tableOfRooms(): Row[] {
  const [, section = ""] = /\n## Rooms\n([^]*?)\n## /.exec(read("docs/ARCHITECTURE.md")) ?? [];
  const rows = [...section.matchAll(/^\| (`[^|]*) \| ([^|]*) ?\|/gm)];
  const quoted = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
  return rows.map(([, rooms, outside]) => ({ rooms: quoted(rooms!), outside: quoted(outside!) }));
}

/** What a file imports, types included: files of the project by their path, all else by its name. */
function importsOf(path: string, code: string): string[] {
  const text = code.replaceAll(/^ *\*.*$/gm, "");
  return [...text.matchAll(/(?:from|import\(|^import) ?"([^"]+)"/gm)].map(([, specifier]) => {
    if (!specifier!.startsWith(".")) return specifier!;
    return relative(projectRoot, join(projectRoot, dirname(path), specifier!)).replaceAll("\\", "/");
  });
}

/** What is wrong between files, by the table. */
function faultsBetween(files: ReadonlyMap<string, string>, table: readonly Row[]): string[] {
  const rowOf = (path: string): number =>
    table.findIndex(({ rooms }) =>
      rooms.some((room) => room.endsWith("/") ? path.startsWith(room) : path === room)
    );
  const roomOf = (path: string): string | undefined =>
    table[rowOf(path)]?.rooms.find((room) => path.startsWith(room));
  const faults: string[] = [];
  const graph = new Map([...files].map(([path, code]) => [path, importsOf(path, code)]));
  for (const [path, imports] of graph) {
    const row = rowOf(path);
    if (row === -1) {
      faults.push(`${path} is in no room`);
      continue;
    }
    for (const target of imports) {
      const isOurs = target.startsWith("src/") || target === "mod.ts";
      const isBelow = rowOf(target) > row || roomOf(target) === roomOf(path);
      const isNamed = table[row]!.outside.some((name) =>
        name === target || (name === "node:" && target.startsWith(name))
      );
      if (isOurs ? !isBelow : !isNamed) faults.push(`${path} imports ${target}`);
    }
  }
  for (const circle of circlesIn(graph)) faults.push(`circle: ${circle.join(", ")}`);
  return faults;
}

/** The files that can be reached from themselves, one circle after the other (Tarjan's algorithm). */
function circlesIn(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const path: string[] = [];
  const circles: string[][] = [];
  const visit = (file: string): void => {
    order.set(file, order.size);
    lowest.set(file, order.get(file)!);
    path.push(file);
    for (const target of graph.get(file) ?? []) {
      if (!graph.has(target)) continue;
      if (!order.has(target)) visit(target);
      if (path.includes(target)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(target)!));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const circle = path.splice(path.indexOf(file));
    if (circle.length > 1 || graph.get(file)!.includes(file)) circles.push(circle.sort());
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return circles;
}

test("every file of src stands in a room, and imports only from rooms below it, in no circle (docs/ARCHITECTURE.md)", () => {
  const table = tableOfRooms();
  const files = new Map(["mod.ts", ...sources("src")].map((path) => [path, read(path)]));
  assert.deepEqual(faultsBetween(files, table), []);
  // No row is about what is not there.
  for (const room of table.flatMap(({ rooms }) => rooms)) {
    assert.ok([...files.keys()].some((path) => path.startsWith(room)), room);
  }
});

test("a loose file, a circle and an import upwards are found", () => {
  const table = tableOfRooms();
  const found = (files: Record<string, string>): string[] =>
    faultsBetween(new Map(Object.entries(files)), table);
  const empty = { "src/connection/limits.ts": "", "src/http/head.ts": "", "src/client/dial.ts": "" };
  assert.deepEqual(found(empty), []);
  assert.deepEqual(found({ ...empty, "src/new.ts": "" }), ["src/new.ts is in no room"]);
  const upwards = 'import type { Connection } from "../connection/limits.ts";';
  assert.deepEqual(found({ ...empty, "src/http/head.ts": upwards }), [
    "src/http/head.ts imports src/connection/limits.ts",
  ]);
  const besides = 'const { dial } = await import("../client/dial.ts");';
  assert.deepEqual(found({ ...empty, "src/server/serve.ts": besides }), [
    "src/server/serve.ts imports src/client/dial.ts",
  ]);
  const circle = {
    "src/connection/limits.ts": 'import type {\n  Ending,\n} from "./ending.ts";',
    "src/connection/ending.ts": 'export * from "./limits.ts";',
  };
  assert.deepEqual(found(circle), ["circle: src/connection/ending.ts, src/connection/limits.ts"]);
  assert.deepEqual(found({ ...empty, "src/http/head.ts": 'import "node:fs";' }), [
    "src/http/head.ts imports node:fs",
  ]);
});

test("no document says a thing twice: each heading of the second level is there once", () => {
  for (const file of readdirSync(join(projectRoot, "docs")).filter((name) => name.endsWith(".md"))) {
    const headings = read(`docs/${file}`).match(/^## .*$/gm) ?? [];
    assert.deepEqual(headings, [...new Set(headings)], file);
  }
});

test("the documents name no file that is not there", () => {
  const documents = readdirSync(join(projectRoot, "docs")).filter((name) => name.endsWith(".md"));
  for (
    const path of [
      "README.md",
      "CONTRIBUTING.md",
      "SECURITY.md",
      ...documents.map((name) => `docs/${name}`),
    ]
  ) {
    for (const [, named] of read(path).matchAll(/`((?:src|tests|bench|docs|examples)\/[\w./-]+)`/g)) {
      assert.ok(existsSync(join(projectRoot, named!)), `${path} names ${named}`);
    }
  }
});
