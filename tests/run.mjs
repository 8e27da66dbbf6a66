#!/usr/bin/env node
// All checks and tests on every runtime in one command. `node tests/run.mjs --help` shows what else it can do.
// Plain JavaScript, since it runs before anything has been compiled.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { extractExamples } from "./examples/extract.mjs";
import { inLanes, run, windows } from "./run/processes.mjs";
import { COVERED, filesBelow, groupsOf, runGroup } from "./run/suite.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
process.chdir(root);
const runtimes = join(root, "tests", "runtimes");

function installRuntimes() {
  const wanted = JSON.parse(readFileSync(join(runtimes, "package.json"), "utf8")).devDependencies;
  const installed = (name) => {
    const file = join(runtimes, "node_modules", name, "package.json");
    return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).version : undefined;
  };
  if (Object.entries(wanted).every(([name, version]) => installed(name) === version.replace(/^.*@/, ""))) {
    return;
  }
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
// Three packages contain a program named node, and only one of them is in .bin.
const nodeOf = (folder) => join(runtimes, "node_modules", folder, "bin", windows ? "node.exe" : "node");
let deno = binary("deno");
const bun = binary("bun");

const RUNTIMES = {
  "node": { title: `Node ${process.versions.node}`, kind: "node", command: process.execPath },
  "node-22": { title: "Node 22", kind: "node", command: nodeOf("node22") },
  "node-24": { title: "Node 24", kind: "node", command: nodeOf("node24") },
  "node-current": { title: "Node, current", kind: "node", command: nodeOf("node") },
  "deno": {
    title: "Deno",
    kind: "deno",
    get command() {
      return deno;
    },
  },
  "bun": { title: "Bun", kind: "bun", command: bun },
};
// The current Node does all the work of every test. The other runtimes run the same tests, with a share of the work where
// that takes long.
const WITH_ALL_WORK = "node-current";
// The Node that runs this command (the oldest, in CI) leaves out what the current Node and its own remaining rooms say as
// well: the rooms without I/O, which every conformance case goes through, what happens in memory, and other software that talks
// to us.
const NOT_ON_THIS_NODE = [...COVERED, "browser", "deploy", "fuzz", "interop", "testing"];
// The releases between the oldest and the newest only run what differs between them.
const BETWEEN = ["client", "compression", "transport"];
// The whole suite runs here. Stage `coverage` is a part of that of the current Node.
const WHOLE = [WITH_ALL_WORK, "deno", "bun"];

const table = [];
const failures = [];
const slowest = [];
// The number of tests on each runtime with the whole suite. A test that cannot run somewhere is skipped there, never absent.
const registered = new Map();

function count(stage, { passed, failed, skipped }, seconds) {
  let row = table.find(([name]) => name === stage);
  if (row === undefined) table.push(row = [stage, 0, 0, 0, 0]);
  [passed, failed, skipped, seconds].forEach((figure, i) => row[i + 1] += figure);
}

/** A command that must succeed; if it fails, its output is shown. */
function command(stage, name, program, args, { weight = 5 } = {}) {
  const work = async () => {
    const begun = performance.now();
    const { code, output } = await run(program, args);
    const seconds = (performance.now() - begun) / 1000;
    // The corpus counts its entries; skipped ones must be visible.
    const entries = /^\d+ passed, \d+ failed, \d+ skipped$/m.exec(output)?.[0];
    const counted = entries === undefined ? "" : ` (${entries})`;
    console.log(`${code === 0 ? "ok  " : "FAIL"} ${stage}: ${name}${counted}, ${seconds.toFixed(1)} s`);
    if (code !== 0) failures.push(`${stage}: ${name}\n${output}`);
    count(stage, { passed: Number(code === 0), failed: Number(code !== 0), skipped: 0 }, seconds);
    slowest.push([`${stage}: ${name}`, seconds]);
  };
  return { weight, work };
}

/** A group of test files on one runtime. */
function group(name, each, stage = RUNTIMES[name].title) {
  const runtime = RUNTIMES[name];
  const work = async () => {
    const env = { WOSHOU_RUNTIMES: runtimes, WOSHOU_SHARE: name === WITH_ALL_WORK ? "" : "1" };
    const { files, problems, seconds, skips, ...counts } = await runGroup(root, runtime, each, env);
    const { passed, failed, skipped } = counts;
    console.log(
      `${
        failed === 0 ? "ok  " : "FAIL"
      } ${stage}: ${each.name}, ${passed} passed, ${failed} failed, ${skipped} skipped, ` +
        `${seconds.toFixed(1)} s`,
    );
    for (const [file, spent] of files) {
      if (files.length > 1) console.log(`       ${file} ${spent.toFixed(1)} s`);
      slowest.push([`${runtime.title}: ${file}`, spent]);
    }
    for (const line of skips) console.log(`     ${line}`);
    failures.push(...problems.map((problem) => `${stage}: ${each.name}\n${problem}`));
    count(stage, counts, seconds);
    registered.set(name, (registered.get(name) ?? 0) + passed + failed + skipped);
  };
  return { weight: each.weight * (each.room === undefined ? 1 : 2), work };
}

const suite = (name, wanted = () => true) =>
  groupsOf(root)
    .filter(({ name: group }) => wanted(group.split("/")[0]))
    .map((each) => group(name, each));

const coverage = () =>
  groupsOf(root)
    .filter(({ name }) => COVERED.includes(name))
    .map((each) => group(WITH_ALL_WORK, { ...each, room: each.name }, "coverage"));

const build = async () => {
  // Packing needs the build and builds again, so these run one after the other.
  for (
    const { work } of [
      command("check", "build", local("tsc"), ["-p", "tsconfig.build.json"]),
      command("check", "publint", local("publint"), ["--strict"]),
      command("check", "are the types wrong", local("attw"), ["--pack", ".", "--profile", "esm-only"]),
      command("package", "the packed tarball on each runtime", process.execPath, [
        "tests/package/tarball.mjs",
        deno,
        bun,
        ...["node22", "node24", "node"].map(nodeOf),
      ]),
    ]
  ) await work();
};

/** The jobs of each stage, which may run in parallel. */
const stages = {
  check: () => [
    command("check", "format", deno, ["fmt", "--check"]),
    command("check", "lint", deno, ["lint"]),
    command("check", "types, as Node's users see them", local("tsc"), ["-p", "tsconfig.json"]),
    command("check", "types, as Deno sees them", deno, [
      "check",
      "mod.ts",
      "src/core.ts",
      "src/testing/mod.ts",
      "src/cli/main.ts",
    ]),
    command("check", "the sans-I/O rooms know no runtime", local("tsc"), ["-p", "tsconfig.core.json"]),
    command("check", "every export is documented", deno, [
      "doc",
      "--lint",
      "mod.ts",
      "src/core.ts",
      "src/testing/mod.ts",
    ]),
    command("check", "each file in its room, no circles, no imports upwards", process.execPath, [
      "--test",
      ".build/tests/project_test.js",
    ]),
    command("check", "JSR would take it", deno, ["publish", "--dry-run", "--allow-dirty"]),
  ],
  package: () => [{ weight: 20, work: build }],
  node: () => suite("node", (folder) => !NOT_ON_THIS_NODE.includes(folder)),
  "node-22": () => suite("node-22", (folder) => BETWEEN.includes(folder)),
  "node-24": () => suite("node-24", (folder) => BETWEEN.includes(folder)),
  "node-current": () => suite(WITH_ALL_WORK, (folder) => !COVERED.includes(folder)),
  coverage,
  deno: () => suite("deno"),
  bun: () => suite("bun"),
  fuzz: () => [
    command(
      "fuzz",
      "a share of what the fuzzers try (docs/RELIABILITY.md)",
      RUNTIMES[WITH_ALL_WORK].command,
      [
        "--expose-gc",
        ".build/tests/fuzz/main.js",
        ...["--inputs", "420000"],
      ],
      { weight: 120 },
    ),
  ],
  // A share of `npm run soak` and `npm run chaos`, so that they cannot break unnoticed.
  soak: () => {
    const soak = ".build/tests/soak/soak.js";
    const little = ["--connections", "50", "--seconds", "2", "--churn", "200"];
    const killed = (runtime) =>
      command("soak", `peers that are killed, on ${runtime}`, process.execPath, [
        soak,
        ...["--runtime", runtime, "--only", "kill"],
        ...little,
      ], { weight: 15 });
    return [
      command("soak", "every phase, a little of each, on Node", process.execPath, [
        soak,
        "--runtime",
        "Node",
        ...little,
      ], {
        weight: 25,
      }),
      command("soak", "faults in the network", process.execPath, [
        ".build/tests/soak/chaos.js",
        ...["--seconds", "3", "--clients", "4", "--seed", "7"],
      ], { weight: 15 }),
      killed("Deno"),
      killed("Bun"),
    ];
  },
  corpus: () =>
    [
      ["Node", [process.execPath], ".build/", "js"],
      ["Deno", [deno, "run", "--allow-net"], "", "ts"],
      ["Bun", [bun], "", "ts"],
    ].flatMap(([name, start, folder, ending]) => [
      command("corpus", `hostile clients, server on ${name}`, process.execPath, [
        "tests/corpus/server.mjs",
        ...start,
        `${folder}src/cli/main.${ending}`,
      ]),
      command("corpus", `hostile servers, client on ${name}`, process.execPath, [
        "tests/corpus/client.mjs",
        ...start,
        `${folder}src/cli/main.${ending}`,
        ...["connect", "--echo", "--compress", "--max-fragments", "16384"],
        ...["--handshake-timeout", "2000", "--close-timeout", "2000"],
      ]),
    ]),
  quick: () => [
    command("check", "types", local("tsc"), ["-p", "tsconfig.json"]),
    command("check", "format", deno, ["fmt", "--check"]),
    command("check", "lint", deno, ["lint"]),
    ...suite(
      "node",
      (folder) =>
        !["browser", "conformance", "deploy", "fuzz", "interop", "soak", "testing"].includes(folder),
    ),
  ],
  conformance: () => [
    command("conformance", "docs/CONFORMANCE.md is written anew", process.execPath, [
      ".build/tests/conformance/report.js",
      deno,
      bun,
    ]),
  ],
};
// Only run by name: a selection of the other stages, and the document that the suite generates.
const BY_NAME = ["quick", "conformance"];

const USAGE = `node tests/run.mjs                            everything, like npm test
node tests/run.mjs quick                      before each commit: types, format, lint, and the suite on this Node, without
                                              browsers, proxies, other libraries, conformance cases and fuzzers
node tests/run.mjs STAGE...                   only these stages: ${Object.keys(stages).join(", ")}
node tests/run.mjs file FILE [RUNTIME...]     one file, given by its path or the end of it, on ${
  Object.keys(RUNTIMES).join(", ")
},
                                              or on the given ones
On ${
  RUNTIMES[WITH_ALL_WORK].title.replace(",", "")
} each test does all of its work, elsewhere a share of it where it takes long (WOSHOU_SHARE=1).
A single file does all of it. ${RUNTIMES.node.title} runs all but ${NOT_ON_THIS_NODE.join(", ")};
Node 22 and 24 only run ${BETWEEN.join(", ")} and the package.`;

async function compile() {
  rmSync(join(root, ".build"), { recursive: true, force: true });
  extractExamples();
  const { code, output } = await run(local("tsc"), ["-p", "tsconfig.test.json"]);
  if (code === 0) return;
  console.log(output);
  console.log("FAIL compile");
  process.exit(1);
}

/** One file of tests, on each runtime. */
async function oneFile(name = "", ...names) {
  const found = filesBelow(join(root, "tests"), "_test.ts").filter((path) =>
    path.endsWith(name.replace(/^.*tests\//, ""))
  );
  if (name === "" || found.length !== 1) {
    console.error(
      `"${name}" matches ${found.length === 0 ? "no test file" : `${found.length} test files`}.\n\n${USAGE}`,
    );
    process.exit(2);
  }
  const [source] = found;
  const built = join(root, ".build", source.slice(root.length)).replace(/\.ts$/, ".js");
  const args = {
    node: ["--test", "--test-reporter=spec", built],
    deno: ["test", "--no-check", "--allow-all", source],
    bun: ["test", "--timeout", "120000", source],
  };
  let failed = false;
  for (const name of names.length > 0 ? names : Object.keys(RUNTIMES)) {
    if (!Object.hasOwn(RUNTIMES, name)) {
      console.error(`There is no runtime "${name}".\n\n${USAGE}`);
      process.exit(2);
    }
    console.log(`\n== ${name}`);
    const { command, kind } = RUNTIMES[name];
    const { code } = await run(command, args[kind], { show: true, env: { WOSHOU_RUNTIMES: runtimes } });
    failed ||= code !== 0;
  }
  process.exit(failed ? 1 : 0);
}

function sameCounts() {
  const counts = [...registered].filter(([name]) => WHOLE.includes(name));
  if (new Set(counts.map(([, tests]) => tests)).size <= 1) return;
  failures.push(`different numbers of tests: ${counts.map((each) => each.join(" ")).join(", ")}`);
  count("check", { passed: 0, failed: 1, skipped: 0 }, 0);
}

const begun = performance.now();
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
// npm's "deno" is a script that starts the real one and does not forward signals.
deno = spawnSync(deno, ["eval", "console.log(Deno.execPath())"], { encoding: "utf8", shell: windows }).stdout
  .trim();
await compile();
if (single) await oneFile(...chosen.slice(1));
const wanted = chosen.length > 0 ? chosen : Object.keys(stages).filter((stage) => !BY_NAME.includes(stage));
// The suite on the current Node includes the rooms that the coverage stage runs.
if (wanted.includes(WITH_ALL_WORK) && !wanted.includes("coverage")) wanted.push("coverage");
// Many tests wait for the network or a deadline, so more jobs than cores are needed to keep the cores busy.
await inLanes(wanted.flatMap((stage) => stages[stage]()), Math.ceil(2.5 * availableParallelism()));
if (chosen.length === 0) sameCounts();

console.log("\nThe slowest:");
for (const [name, seconds] of slowest.sort((a, b) => b[1] - a[1]).slice(0, 20)) {
  console.log(`${seconds.toFixed(1).padStart(8)} s  ${name}`);
}
const totals = [0, 0, 0, 0];
console.log("\n                        passed  failed  skipped  seconds, side by side with others");
for (const [stage, ...figures] of table) {
  figures.forEach((figure, i) => totals[i] += figure);
  console.log(
    stage.padEnd(22) + figures.map((each, i) => String(Math.round(each)).padStart(i === 3 ? 9 : 8)).join(""),
  );
}
for (const failure of failures) console.log(`\nFAILED on ${failure}`);
const [passed, failed, skipped] = totals;
console.log(
  `\n${passed} passed, ${failed} failed, ${skipped} skipped in ${
    Math.round((performance.now() - begun) / 1000)
  } s`,
);
process.exit(failed === 0 ? 0 : 1);
