#!/usr/bin/env node
// Everything that must hold, on every runtime, from one command:
//   node tests/run.mjs            all of it
//   node tests/run.mjs file FILE [RUNTIME...]   one file of tests, on node, node-current, deno and bun, or on those named
//   node tests/run.mjs STAGE...   some of it: check, node, node-current, deno, bun, coverage, fuzz,
//                                soak, corpus, package; or conformance, which writes docs/CONFORMANCE.md
// Plain JavaScript, since it runs before anything has been compiled.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { extractExamples } from "./examples/extract.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
process.chdir(root);
const runtimes = join(root, "tests", "runtimes");
const windows = process.platform === "win32";

function installRuntimes() {
  const wanted = JSON.parse(readFileSync(join(runtimes, "package.json"), "utf8")).devDependencies;
  const installed = (name) => {
    const file = join(runtimes, "node_modules", name, "package.json");
    return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).version : undefined;
  };
  if (Object.keys(wanted).every((name) => installed(name) === wanted[name])) return;
  console.log(`installing ${Object.entries(wanted).map((each) => each.join(" ")).join(", ")} from npm ...`);
  const { status } = spawnSync("npm", ["ci", "--no-fund", "--no-audit"], {
    cwd: runtimes,
    stdio: "inherit",
    shell: windows,
  });
  if (status !== 0) process.exit(status ?? 1);
}

const binary = (name) => join(runtimes, "node_modules", ".bin", windows ? `${name}.cmd` : name);
const local = (name) => join(root, "node_modules", ".bin", windows ? `${name}.cmd` : name);
let deno = binary("deno");
const bun = binary("bun");
const currentNode = binary("node");

const STANDSTILL = 5 * 60_000;

const running = new Set();

function kill(child) {
  if (windows || child.pid === undefined) child.kill("SIGKILL");
  else process.kill(-child.pid, "SIGKILL");
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    for (const child of running) kill(child);
    process.exit(130);
  });
}

/** Runs a command and answers its exit code and what it printed. Shows it as it comes if `show`. */
function run(command, args, { show = false, env = {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      shell: windows,
      env: { ...process.env, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own: what a runner has started ends with it.
      detached: !windows,
    });
    running.add(child);
    let output = "";
    const add = (text) => {
      output += text;
      if (show) process.stdout.write(text);
    };
    // A test that fails and leaves a server open would keep its process for ever.
    const stop = () => {
      add(
        `\nFAIL nothing was said for ${
          STANDSTILL / 60_000
        } minutes: something is left open, and the run is stopped.\n`,
      );
      kill(child);
    };
    let standstill = setTimeout(stop, STANDSTILL);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        clearTimeout(standstill);
        standstill = setTimeout(stop, STANDSTILL);
        add(text);
      });
    }
    child.on("error", (error) => {
      clearTimeout(standstill);
      resolve({ code: 127, output: String(error) });
    });
    child.on("close", (code) => {
      running.delete(child);
      clearTimeout(standstill);
      resolve({ code: code ?? 1, output });
    });
  });
}

const totals = { passed: 0, failed: 0, skipped: 0 };
const table = [];

function count(stage, { passed, failed, skipped }, begun) {
  totals.passed += passed;
  totals.failed += failed;
  totals.skipped += skipped;
  table.push([stage, passed, failed, skipped, Math.round((performance.now() - begun) / 1000)]);
}

/** Each command must succeed, two of a group at once; one that does not shows what it printed. */
async function commands(stage, ...groups) {
  const begun = performance.now();
  const result = { passed: 0, failed: 0, skipped: 0 };
  for (const group of groups) {
    const left = [...group];
    const lane = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [name, command, args] = next;
        const { code, output } = await run(command, args);
        // The corpus counts its entries; those that were skipped must not go unseen.
        const entries = /^\d+ passed, \d+ failed, \d+ skipped$/m.exec(output)?.[0];
        const counted = entries === undefined ? "" : ` (${entries})`;
        console.log(`${code === 0 ? "ok  " : "FAIL"} ${stage}: ${name}${counted}`);
        if (code !== 0) console.log(output);
        result[code === 0 ? "passed" : "failed"]++;
      }
    };
    await Promise.all([lane(), lane()]);
  }
  count(stage, result, begun);
}

function filesBelow(folder, ending) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path, ending);
    return path.endsWith(ending) ? [path] : [];
  }).sort();
}

// deno-lint-ignore no-control-regex
const plain = (output) => output.replaceAll(/\x1b\[[0-9;]*m/g, "");
const number = (output, pattern) =>
  [...output.matchAll(pattern)].reduce((sum, match) => sum + Number(match[1]), 0);

// Who sees the last of a long log alone is to know what failed.
const failures = [];

/** The tests that failed, with what their runner says of each. */
function failuresIn(text) {
  const lines = text.split("\n");
  return lines.flatMap((line, index) => {
    // TAP repeats the failure of a test in each that holds it; the innermost comes first.
    if (/^ *not ok \d+ /.test(line)) return [lines.slice(index, index + 24).join("\n")];
    if (/^\(fail\) /.test(line)) return [lines.slice(Math.max(0, index - 24), index + 1).join("\n")];
    // Deno ends with a list of errors, each with the file it came from.
    if (/ => \.\/tests\/.*:\d+:\d+$/.test(line) && /^error: /.test(lines[index + 1] ?? "")) {
      return [lines.slice(index, index + 16).join("\n")];
    }
    return [];
  });
}

// The suite whose output is shown as it comes.
let shown;

/** The suite on one runtime. Its runner's own counts are read from what it prints. */
async function suite(stage, command, args, patterns, env) {
  const begun = performance.now();
  // Of two at once, the second is shown when both are done.
  const first = shown;
  const running = run(command, args, { show: first === undefined, env });
  if (first === undefined) {
    shown = running;
    console.log(`\n== the suite on ${stage}`);
  }
  const { code, output } = await running;
  await first;
  if (first === undefined) shown = undefined;
  else console.log(`\n== the suite on ${stage}\n${output}`);
  const text = plain(output);
  const result = {
    passed: number(text, patterns.passed),
    failed: number(text, patterns.failed),
    skipped: number(text, patterns.skipped),
  };
  if (code !== 0 && result.failed === 0) result.failed = 1;
  if (result.failed > 0) failures.push(...failuresIn(text).map((each) => `${stage}: ${each}`));
  if (result.passed === 0) {
    console.log(`FAIL ${stage}: no test ran`);
    result.failed ||= 1;
  }
  count(stage, result, begun);
  registered.set(stage, result.passed + result.failed + result.skipped);
}

// One suite on every runtime: what cannot run on one is counted there as skipped, and never just absent.
const registered = new Map();

function sameCounts() {
  const counts = [...registered];
  if (new Set(registered.values()).size <= 1) return;
  console.log(`FAIL not the same tests on each runtime: ${counts.map((each) => each.join(" ")).join(", ")}`);
  totals.failed++;
}

const nodePatterns = {
  passed: /^# pass (\d+)$/gm,
  failed: /^# (?:fail|cancelled) (\d+)$/gm,
  skipped: /^# (?:skipped|todo) (\d+)$/gm,
};
const denoPatterns = {
  passed: /^(?:ok|FAILED) \| (\d+) passed/gm,
  failed: /\| (\d+) failed/gm,
  skipped: /\| (\d+) ignored/gm,
};
const bunPatterns = {
  passed: /^ *(\d+) pass$/gm,
  failed: /^ *(\d+) fail$/gm,
  skipped: /^ *(\d+) (?:skip|todo)$/gm,
};

const nodeSuite = (stage, node) =>
  suite(
    stage,
    node,
    [
      "--test",
      "--test-concurrency=2",
      "--test-reporter=tap",
      ...filesBelow(join(root, ".build", "tests"), "_test.js"),
    ],
    nodePatterns,
    { WOSHOU_RUNTIMES: runtimes },
  );

async function compile() {
  rmSync(join(root, ".build"), { recursive: true, force: true });
  extractExamples();
  const { code, output } = await run(local("tsc"), ["-p", "tsconfig.test.json"]);
  if (code === 0) return;
  console.log(output);
  console.log("FAIL compile");
  process.exit(1);
}

const stages = {
  check: () =>
    commands("check", [
      ["format", deno, ["fmt", "--check"]],
      ["lint", deno, ["lint"]],
      ["types, as Node's users see them", local("tsc"), ["-p", "tsconfig.json"]],
      ["types, as Deno sees them", deno, [
        "check",
        "mod.ts",
        "src/core.ts",
        "src/testing/mod.ts",
        "src/cli/main.ts",
      ]],
      ["the sans-I/O rooms know no runtime", local("tsc"), ["-p", "tsconfig.core.json"]],
      ["every export is documented", deno, ["doc", "--lint", "mod.ts", "src/core.ts", "src/testing/mod.ts"]],
      ["JSR would take it", deno, ["publish", "--dry-run", "--allow-dirty"]],
    ], [
      ["build", local("tsc"), ["-p", "tsconfig.build.json"]],
    ], [
      ["publint", local("publint"), ["--strict"]],
    ], [
      // It packs, and so builds anew.
      ["are the types wrong", local("attw"), ["--pack", ".", "--profile", "esm-only"]],
    ]),
  node: () => nodeSuite(`Node ${process.version}`, process.execPath),
  "node-current": () => nodeSuite("Node, current", currentNode),
  deno: () => suite("Deno", deno, ["test", "--no-check", "--allow-all", "tests/"], denoPatterns),
  bun: () => suite("Bun", bun, ["test", "--timeout", "120000"], bunPatterns),
  coverage: () =>
    commands(
      "coverage",
      ["protocol", "http", "handshake", "permessage_deflate"].map((room) => [
        `100 % of the lines, branches and functions of src/${room}, by its own tests`,
        currentNode,
        [
          "--test",
          "--experimental-test-coverage",
          `--test-coverage-include=.build/src/${room}/**`,
          "--test-coverage-lines=100",
          "--test-coverage-branches=100",
          "--test-coverage-functions=100",
          "--test-reporter=tap",
          ...filesBelow(join(root, ".build", "tests", room), "_test.js"),
        ],
      ]),
    ),
  fuzz: async () => {
    console.log("\n== a share of what the fuzzers try (docs/RELIABILITY.md)");
    const begun = performance.now();
    const fuzzer = ["--expose-gc", ".build/tests/fuzz/main.js", "--inputs", "420000"];
    const { code } = await run(process.execPath, fuzzer, { show: true });
    count("fuzz", { passed: Number(code === 0), failed: Number(code !== 0), skipped: 0 }, begun);
  },
  // A share of `npm run soak` and `npm run chaos`, so that they cannot break unseen.
  soak: async () => {
    const begun = performance.now();
    const { code, output } = await run(local("tsc"), ["-p", "tests/soak/tsconfig.soak.json"]);
    if (code !== 0) {
      console.log(output);
      return count("soak", { passed: 0, failed: 1, skipped: 0 }, begun);
    }
    const soak = ".build/tests/soak/soak.js";
    const little = ["--connections", "50", "--seconds", "2", "--churn", "200"];
    await commands("soak", [
      ["every phase, a little of each, on Node", process.execPath, [soak, "--runtime", "Node", ...little]],
      ["faults in the network", process.execPath, [
        ".build/tests/soak/chaos.js",
        ...["--seconds", "3", "--clients", "4", "--seed", "7"],
      ]],
      ["peers that are killed, on Deno", process.execPath, [
        soak,
        "--runtime",
        "Deno",
        "--only",
        "kill",
        ...little,
      ]],
      ["peers that are killed, on Bun", process.execPath, [
        soak,
        "--runtime",
        "Bun",
        "--only",
        "kill",
        ...little,
      ]],
    ]);
  },
  conformance: () =>
    commands("conformance", [
      ["docs/CONFORMANCE.md is written anew", process.execPath, [
        ".build/tests/conformance/report.js",
        deno,
        bun,
      ]],
    ]),
  corpus: () =>
    commands(
      "corpus",
      [
        ["Node", [process.execPath], ".build/", "js"],
        ["Deno", [deno, "run", "--allow-net"], "", "ts"],
        ["Bun", [bun], "", "ts"],
      ].flatMap(([name, start, folder, ending]) => [
        [`hostile clients, server on ${name}`, process.execPath, [
          "tests/corpus/server.mjs",
          ...start,
          `${folder}src/cli/main.${ending}`,
        ]],
        [`hostile servers, client on ${name}`, process.execPath, [
          "tests/corpus/client.mjs",
          ...start,
          `${folder}src/cli/main.${ending}`,
          ...["connect", "--echo", "--compress", "--max-fragments", "16384"],
          ...["--handshake-timeout", "2000", "--close-timeout", "2000"],
        ]],
      ]),
    ),
  package: () =>
    commands("package", [["the packed tarball on each runtime", process.execPath, [
      "tests/package/tarball.mjs",
      deno,
      bun,
    ]]]),
};

const USAGE = `node tests/run.mjs                            all of it: what npm test does
node tests/run.mjs STAGE...                   some of it: ${Object.keys(stages).join(", ")}
node tests/run.mjs file FILE [RUNTIME...]     one file, on node, node-current, deno and bun, or on those named`;

/** One file of tests, by its path or the end of that, on each runtime. */
async function oneFile(name = "", ...runtimes) {
  const found = filesBelow(join(root, "tests"), "_test.ts").filter((path) =>
    path.endsWith(name.replace(/^.*tests\//, ""))
  );
  if (name === "" || found.length !== 1) {
    console.error(
      `"${name}" is ${found.length === 0 ? "no file of tests" : `${found.length} of them`}.\n\n${USAGE}`,
    );
    process.exit(2);
  }
  const [source] = found;
  const built = join(root, ".build", source.slice(root.length)).replace(/\.ts$/, ".js");
  const node = ["--test", "--test-reporter=spec", built];
  const starts = {
    node: [process.execPath, node],
    "node-current": [currentNode, node],
    deno: [deno, ["test", "--no-check", "--allow-all", source]],
    bun: [bun, ["test", "--timeout", "120000", source]],
  };
  let failed = false;
  for (const runtime of runtimes.length > 0 ? runtimes : Object.keys(starts)) {
    if (!Object.hasOwn(starts, runtime)) {
      console.error(`There is no runtime "${runtime}".\n\n${USAGE}`);
      process.exit(2);
    }
    console.log(`\n== ${runtime}`);
    const [command, args] = starts[runtime];
    const { code } = await run(command, args, {
      show: true,
      env: { WOSHOU_RUNTIMES: join(root, "tests", "runtimes") },
    });
    failed ||= code !== 0;
  }
  process.exit(failed ? 1 : 0);
}

const chosen = process.argv.slice(2);
if (chosen.includes("--help")) {
  console.log(USAGE);
  process.exit(0);
}
const single = chosen[0] === "file";
const unknown = single ? undefined : chosen.find((stage) => !Object.hasOwn(stages, stage));
if (unknown !== undefined) {
  console.error(`There is no stage "${unknown}".\n\n${USAGE}`);
  process.exit(2);
}
installRuntimes();
// npm's "deno" is a script that starts the real one, and passes on no signal.
deno = spawnSync(deno, ["eval", "console.log(Deno.execPath())"], { encoding: "utf8", shell: windows }).stdout
  .trim();
await compile();
if (single) await oneFile(...chosen.slice(1));
// The document is the fruit of the suite that has run already; it is written when asked for.
const usual = Object.keys(stages).filter((stage) => stage !== "conformance");
const wanted = chosen.length > 0 ? chosen : usual;
// Deno and Bun run one file after the other, so that two cores are enough for both at once.
const atOnce = wanted.includes("deno") && wanted.includes("bun");
for (const stage of wanted) {
  if (!atOnce || (stage !== "deno" && stage !== "bun")) await stages[stage]();
  else if (stage === "deno") await Promise.all([stages.deno(), stages.bun()]);
}
sameCounts();

console.log("\n                        passed  failed  skipped  seconds");
for (const [stage, ...figures] of table) {
  console.log(stage.padEnd(22) + figures.map((each, i) => String(each).padStart(i === 3 ? 9 : 8)).join(""));
}
for (const failure of failures) console.log(`\nFAILED on ${failure}`);
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(totals.failed === 0 ? 0 : 1);
