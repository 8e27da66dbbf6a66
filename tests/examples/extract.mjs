// The examples in doc comments, README.md and docs/ become modules below tests/examples/generated, where tsc checks
// them and examples_test.ts runs them on every runtime. A block marked ```ts no-run is checked and not run.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const generated = join(root, "tests", "examples", "generated");

function sources(folder, ending) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path, ending);
    return entry.name.endsWith(ending) ? [path] : [];
  });
}

function blocks(file) {
  let text = readFileSync(file, "utf8");
  if (file.endsWith(".ts")) text = text.replace(/^ *\* ?/gm, "");
  return [...text.matchAll(/^```ts( no-run)?\n([\s\S]*?)^```$/gm)].map((match) => ({
    run: match[1] === undefined,
    code: match[2],
  }));
}

/** Writes one module per example, and an index of those that are to be run. */
export function extractExamples() {
  rmSync(generated, { recursive: true, force: true });
  mkdirSync(generated, { recursive: true });
  const files = [
    join(root, "mod.ts"),
    ...sources(join(root, "src"), ".ts"),
    join(root, "README.md"),
    ...sources(join(root, "docs"), ".md"),
    ...sources(join(root, "examples"), ".ts"),
  ];
  const index = [];
  for (const file of files) {
    const name = relative(root, file).replaceAll("\\", "/");
    const found = name.startsWith("examples/")
      ? [{ run: true, code: readFileSync(file, "utf8") }]
      : blocks(file);
    for (const [number, { run, code }] of found.entries()) {
      const module = `${name.replace(/[^a-z0-9]+/gi, "_")}_${number + 1}.ts`;
      const body = code
        .replaceAll('from "woshou"', 'from "../tracked.ts"')
        .replaceAll('from "woshou/core"', 'from "../../../src/core.ts"')
        .replaceAll('from "woshou/testing"', 'from "../../../src/testing/mod.ts"')
        .replaceAll('from "vite"', 'from "../vite.ts"')
        // Examples name the port that people will use; here several run side by side.
        .replaceAll(/port: 8000/g, "port: 0")
        .replaceAll(/listen\((\s*)8000/g, "listen($10");
      if (/\b(?:listen\(\s*|port: )8000/.test(body)) {
        throw new Error(`${name} listens on a port that others need.`);
      }
      writeFileSync(join(generated, module), `// From ${name}.\n${body}\nexport {};\n`);
      if (run) index.push([`${name}, example ${number + 1}`, module]);
    }
  }
  const lines = index.map(([title, module]) => `  [${JSON.stringify(title)}, () => import("./${module}")],`);
  writeFileSync(
    join(generated, "index.ts"),
    `export const examples: [title: string, load: () => Promise<unknown>][] = [\n${lines.join("\n")}\n];\n`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) extractExamples();
