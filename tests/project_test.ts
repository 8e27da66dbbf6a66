/** What holds between the files of the project. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
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

/** The room that an import leads to: a folder of src, a file of src, or a package. */
function roomsImportedBy(path: string): string[] {
  const code = read(path).replaceAll(/^ *\*.*$/gm, "");
  return [...code.matchAll(/(?:from|import\() ?"([^"]+)"/g)].map(([, specifier]) => {
    if (!specifier!.startsWith(".")) return specifier!;
    const target = relative(projectRoot, join(projectRoot, dirname(path), specifier!)).replaceAll("\\", "/");
    return target.split("/").slice(0, 2).join("/");
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

test("each room imports only what lies below it", () => {
  const allowed: Record<string, string[]> = {
    "src/protocol": ["src/protocol"],
    "src/handshake": ["src/handshake", "src/protocol", "@noble/hashes/legacy.js"],
    "src/permessage_deflate": ["src/permessage_deflate", "src/handshake", "src/protocol"],
    "src/transport": ["src/transport"],
  };
  for (const [room, below] of Object.entries(allowed)) {
    for (const file of sources(room)) {
      for (const target of roomsImportedBy(file)) {
        const native = room === "src/transport" && target.startsWith("node:");
        assert.ok(native || below.includes(target), `${file} imports ${target}`);
      }
    }
  }
});

const OF_NODE = [
  "src/transport/node.ts",
  "src/transport/node_reads.ts",
  "src/transport/certificate.ts",
  "src/transport/bun.ts",
  "src/deflate.ts",
  "src/limits.ts",
  "src/outermost_context.ts",
];

test("only few files, which are listed, import Node's modules, and only the command line depends on the library from outside", () => {
  for (const file of sources("src")) {
    const rooms = roomsImportedBy(file);
    const fromNode = rooms.filter((target) => target.startsWith("node:"));
    const mayImportNode = OF_NODE.includes(file) || file.startsWith("src/cli/");
    assert.ok(mayImportNode || fromNode.length === 0, `${file} imports ${fromNode.join(", ")}`);
    assert.ok(file.startsWith("src/cli/") || !rooms.includes("src/cli"), `${file} imports the command line`);
  }
});

test("no document says a thing twice: each heading of the second level is there once", () => {
  for (const file of readdirSync(join(projectRoot, "docs")).filter((name) => name.endsWith(".md"))) {
    const headings = read(`docs/${file}`).match(/^## .*$/gm) ?? [];
    assert.deepEqual(headings, [...new Set(headings)], file);
  }
});
