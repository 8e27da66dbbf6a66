/**
 * `node report.js DENO BUN`, compiled: plays the suite on this Node and on the two others, and writes
 * docs/CONFORMANCE.md. Exits with 1 when a case has failed.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { projectRoot } from "../fixtures.ts";
import { render, type Result, RUNTIMES } from "./document.ts";

const [deno = "deno", bun = "bun"] = process.argv.slice(2);
const source = join(projectRoot, "tests", "conformance", "play.ts");
const commands: Record<typeof RUNTIMES[number], [string, ...string[]]> = {
  Node: [process.execPath, join(dirname(fileURLToPath(import.meta.url)), "play.js")],
  Deno: [deno, "run", "--no-check", "--allow-all", source],
  Bun: [bun, source],
};

const results: Result[] = [];
let failed = false;
for (const runtime of RUNTIMES) {
  const [command, ...args] = commands[runtime];
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 26 });
  if (status !== 0) {
    console.error(`${runtime} ended with ${status}: ${stderr}`);
    failed = true;
  }
  for (const line of stdout.split("\n").filter((text) => text.startsWith("{"))) {
    const { id, role, behavior, detail } = JSON.parse(line);
    results.push({ runtime, role, id, behavior });
    if (detail !== "") console.error(`${runtime}, ${role}, ${id}: ${behavior}: ${detail}`);
    failed ||= behavior === "FAILED";
  }
}
for (const [path, text] of Object.entries(render(results))) {
  writeFileSync(join(projectRoot, "docs", path), text);
}
process.exitCode = failed ? 1 : 0;
