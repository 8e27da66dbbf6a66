// The suite on one runtime: groups of test files that run in parallel, and the results from their runners.
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { run } from "./processes.mjs";

// The core's rooms have full coverage by their own tests, lines, branches and functions.
export const COVERED = ["protocol", "http", "handshake", "permessage_deflate"];
// The files of a room run one after the other in one process, except in these rooms, where each has its own.
const CUT = ["compression", "conformance", "deploy", "fuzz", "hostile", "interop", "soak", "transport"];
// Seconds of the slow groups, which start first.
const WEIGHTS = {
  "conformance/conformance": 40,
  "browser/browser": 35,
  "conformance/bulk": 30,
  "transport/contract": 20,
  "interop/ws": 18,
  "deploy/haproxy": 17,
  "hostile/cpu": 16,
  "hostile/memory": 16,
  "interop/python": 16,
  "interop/chromium": 16,
  "interop/http2": 20,
  "protocol": 16,
  "fuzz/joints": 15,
  "connection": 15,
  "cli": 15,
  "testing": 14,
  "transport/tunnel": 12,
  "server": 12,
  "client": 12,
  "hostile/handlers": 10,
  "hostile/slow_peers": 10,
};

const NO_PROMISE_TRACKING = new URL("no_promise_tracking.mjs", import.meta.url).href;

/** All files below a folder with this name ending. */
export function filesBelow(folder, ending) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path, ending);
    return path.endsWith(ending) ? [path] : [];
  }).sort();
}

/** The test files in named groups. */
export function groupsOf(root) {
  const tests = join(root, "tests");
  const groups = new Map();
  for (const file of filesBelow(tests, "_test.ts")) {
    const path = relative(tests, file).replaceAll("\\", "/").replace(/_test\.ts$/, "");
    const folder = path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
    const alone = folder === "" || CUT.includes(folder);
    const name = alone ? path : folder;
    groups.set(name, [...groups.get(name) ?? [], path]);
  }
  return [...groups].map(([name, files]) => ({ name, files, weight: WEIGHTS[name] ?? files.length }));
}

// deno-lint-ignore no-control-regex
const plain = (output) => output.replaceAll(/\x1b\[[0-9;]*m/g, "");
const number = (output, pattern) =>
  [...output.matchAll(pattern)].reduce((sum, match) => sum + Number(match[1]), 0);

const FILE_MARK = "# file ";
const PATTERNS = {
  node: {
    passed: /^# pass (\d+)$/gm,
    failed: /^# (?:fail|cancelled) (\d+)$/gm,
    skipped: /^# (?:skipped|todo) (\d+)$/gm,
  },
  deno: {
    passed: /^(?:ok|FAILED) \| (\d+) passed/gm,
    failed: /\| (\d+) failed/gm,
    skipped: /\| (\d+) ignored/gm,
  },
  bun: {
    passed: /^ *(\d+) pass$/gm,
    failed: /^ *(\d+) fail$/gm,
    skipped: /^ *(\d+) (?:skip|todo)$/gm,
  },
};
// What Bun prints at the start of a file. On Node and Deno a test that does nothing marks it.
const BEGINNINGS = { bun: /^tests\/(\S+)_test\.ts:/gm };

/** The command of a runtime's own test runner for these files. */
export function runnerOf(root, { kind, command }, files, room) {
  if (kind === "deno") {
    const path = files.length === 1 ? `tests/${files[0]}_test.ts` : together(root, files);
    return [command, ["test", "--no-check", "--allow-all", path]];
  }
  if (kind === "bun") {
    return [command, ["test", "--timeout", "120000", ...files.map((file) => `./tests/${file}_test.ts`)]];
  }
  const paths = files.map((file) => join(root, ".build", "tests", `${file}_test.js`));
  const coverage = room === undefined ? [] : [
    "--experimental-test-coverage",
    `--test-coverage-include=.build/src/${room}/**`,
    ...["lines", "branches", "functions"].map((what) => `--test-coverage-${what}=100`),
  ];
  const options = ["--import", NO_PROMISE_TRACKING, "--test-reporter=tap"];
  if (coverage.length > 0) {
    return [command, [...options, "--test", "--test-isolation=none", ...coverage, ...paths]];
  }
  if (paths.length === 1) return [command, [...options, ...paths]];
  const code = `
    import { test } from "node:test";
    for (const [file, url] of ${
    JSON.stringify(files.map((file, i) => [file, pathToFileURL(paths[i]).href]))
  }) {
      test("${FILE_MARK}" + file, () => {});
      await import(url);
    }`;
  return [command, [...options, "--input-type=module", "--eval", code]];
}

/** A module with these test files in it: Deno would load the library anew for each. */
function together(root, files) {
  const path = join(root, ".build", "deno", `${files[0].replaceAll("/", "_")}_and_others_test.ts`);
  const lines = files.map((file) =>
    `test("${FILE_MARK}${file}", () => {});\nawait import("../../tests/${file}_test.ts");\n`
  );
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `import { test } from "../../tests/harness.ts";\n${lines.join("")}`);
  return path;
}

/** Runs a group of files on a runtime. Returns the counts, the seconds of each file, and what to show. */
export async function runGroup(root, runtime, { files, room }, env) {
  const { kind } = runtime;
  const begun = performance.now();
  const beginnings = [];
  const onText = (text) => {
    for (const [, file] of text.matchAll(BEGINNINGS[kind] ?? /(?!)/g)) {
      beginnings.push([file, performance.now()]);
    }
  };
  const [command, args] = runnerOf(root, runtime, files, room);
  const { code, output } = await run(command, args, { env, onText });
  const ended = performance.now();
  const text = plain(output);
  const patterns = PATTERNS[kind];
  const result = {
    passed: number(text, patterns.passed) - marksIn(text),
    failed: number(text, patterns.failed),
    skipped: number(text, patterns.skipped),
  };
  const problems = failuresIn(text);
  if (code !== 0 && result.failed === 0) {
    result.failed = 1;
    problems.push(text.slice(-4000));
  }
  if (result.passed + result.skipped === 0 && result.failed === 0) {
    result.failed = 1;
    problems.push(`no test ran\n${text.slice(-2000)}`);
  }
  const seconds = (ended - begun) / 1000;
  return {
    ...result,
    problems,
    seconds,
    files: files.length === 1
      ? [[files[0], seconds]]
      : kind === "node"
      ? timesInTap(text)
      : kind === "deno"
      ? timesOfTests(text)
      : times(beginnings, ended),
    skips: [...text.matchAll(/^skipped: .*$/gm)].map(([line]) => line),
  };
}

function marksIn(text) {
  return [...text.matchAll(/^ok \d+ - \\?# file |^# file .* \.\.\. ok /gm)].length;
}

function times(beginnings, ended) {
  return beginnings.map(([file, at], i) => [file, ((beginnings[i + 1]?.[1] ?? ended) - at) / 1000]);
}

function timesInTap(text) {
  const tests = text.matchAll(/^(?:not )?ok \d+ - (.*)\n {2}---\n {2}duration_ms: ([\d.]+)/gm);
  return sums([...tests].map(([, name, duration]) => [name, Number(duration) / 1000]));
}

const UNITS = { µs: 1e-6, ms: 1e-3, s: 1 };

function timesOfTests(text) {
  const tests = text.matchAll(/^(.*) \.\.\. .*\((?:(\d+)m)?(?:(\d+)(µs|ms|s))?\)$/gm);
  return sums(
    [...tests].map((
      [, name, minutes = 0, count = 0, unit = "s"],
    ) => [name, minutes * 60 + count * UNITS[unit]]),
  );
}

/** The seconds of the tests of each file; anything before the first mark is left out. */
function sums(tests) {
  const files = [];
  for (const [name, seconds] of tests) {
    const [, file] = /^\\?# file (.*)$/.exec(name) ?? [];
    if (file !== undefined) files.push([file, 0]);
    else if (files.length > 0) files.at(-1)[1] += seconds;
  }
  return files;
}

/** The failed tests, with the output of their runner. */
function failuresIn(text) {
  const lines = text.split("\n");
  return lines.flatMap((line, index) => {
    // TAP repeats a failure in each enclosing test; the innermost comes first.
    if (/^ *not ok \d+ /.test(line)) return [lines.slice(index, index + 24).join("\n")];
    // An uncaught error, or a rejection that nobody handled: it fails the file.
    if (/^# Error: /.test(line)) return [line];
    if (/^\(fail\) /.test(line)) return [lines.slice(Math.max(0, index - 24), index + 1).join("\n")];
    // Deno ends with a list of errors, each with its file.
    if (/ => \.\/tests\/.*:\d+:\d+$/.test(line) && /^error: /.test(lines[index + 1] ?? "")) {
      return [lines.slice(index, index + 16).join("\n")];
    }
    return [];
  });
}
