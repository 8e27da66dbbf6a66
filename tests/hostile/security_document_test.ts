/** SECURITY.md says the numbers that hold: its table of defaults is compared with the code. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { connectionSettings } from "../../src/connection/options.ts";
import { compressionSettings } from "../../src/compression/options.ts";
import { projectRoot } from "../fixtures.ts";
import { test } from "../harness.ts";

const read = (path: string): string => readFileSync(join(projectRoot, path), "utf8");
const document: string = read("SECURITY.md");

/** The table of defaults: the cell of each option. */
const defaults: ReadonlyMap<string, string> = new Map(
  document.split("\n## Defaults, and why\n")[1]!.split("\n## ")[0]!.split("\n").flatMap((line) => {
    const row = /^\| `([\w.]+)` +\| (.*?) +\|/.exec(line);
    return row === null ? [] : [[row[1]!, row[2]!] as const];
  }),
);

/** All of src but its tests and its command line. */
const sources: string = readdirSync(join(projectRoot, "src"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts") && !/^cli[/\\]/.test(path))
  .map((path) => read(join("src", path)))
  .join("\n");

/** The value of an expression in the source, such as `16 * 1024`. */
function valueOf(expression: string): number {
  if (expression === "Infinity") return Infinity;
  const [base, power] = expression.split("**").map((part) => part.trim());
  const factors = base!.split("*").map((factor) => Number(factor.trim().replaceAll("_", "")));
  const product = factors.reduce((all, factor) => all * factor, 1);
  return power === undefined ? product : product ** Number(power);
}

/** The default of an option, as `atLeast()` and its like are given it, wherever that is. */
function defaultInSource(option: string): number {
  const calls = sources.matchAll(
    new RegExp(`"${option}", \\d+,(?: Infinity,)? ((?:[\\d_]+(?: \\*\\*? )?)+|Infinity)\\)`, "g"),
  );
  const values = new Set([...calls].map(([, expression]) => valueOf(expression!)));
  assert.equal(values.size, 1, `the source gives ${option} the defaults ${[...values]}`);
  return [...values][0]!;
}

/** The number at the beginning of a cell. */
function numberIn(option: string): number {
  const cell = defaults.get(option);
  assert.ok(cell !== undefined, `${option} is not in the table`);
  return cell.startsWith("Infinity") ? Infinity : Number(/^\d+/.exec(cell)?.[0]);
}

test("SECURITY.md: every number in its table of defaults is the code's", () => {
  const named: Record<string, string> = {
    "receiveQueue.messages": "messages",
    "receiveQueue.bytes": "bytes",
    "heartbeat.interval": "interval",
    "heartbeat.timeout": "timeout",
    "compression.memoryBudget": "memoryBudget",
  };
  const options = [
    ...["maxConnections", "maxConnectionsPerAddress", "handshakeTimeout", "maxHeadSize", "maxHeaders"],
    ...["maxMessageSize", "maxFragments", "maxControlFrames", "sendHighWaterMark", "maxBufferedAmount"],
    ...["idleTimeout", "closeTimeout", "maxTopics", "redirects"],
    ...Object.keys(named),
  ];
  for (const option of options) {
    assert.equal(numberIn(option), defaultInSource(named[option] ?? option), option);
  }
  const words = ["hostname", "origins", "hosts", "compression", "tls"];
  assert.deepEqual([...defaults.keys()].sort(), [...options, ...words].sort(), "the rows of the table");
});

test("SECURITY.md: its numbers are those of a connection whose options say nothing", () => {
  const { receiveQueue, heartbeat, compression, livenessPeriod: _, ...settings } = connectionSettings({});
  for (const [option, value] of Object.entries(settings)) assert.equal(numberIn(option), value, option);
  assert.equal(numberIn("receiveQueue.messages"), receiveQueue.messages);
  assert.equal(numberIn("receiveQueue.bytes"), receiveQueue.bytes);
  assert.equal(numberIn("heartbeat.interval"), heartbeat!.interval);
  assert.equal(numberIn("heartbeat.timeout"), heartbeat!.timeout);
  assert.deepEqual([compression, defaults.get("compression")], [undefined, "off"]);
  assert.equal(numberIn("compression.memoryBudget"), compressionSettings(true)!.memoryBudget);
});

test("SECURITY.md: its words for defaults, and its bounds without an option, are the code's", () => {
  const server = read("src/server/serve.ts");
  assert.ok(server.includes(`hostname = "${defaults.get("hostname")}"`));
  assert.match(
    server,
    /isLoopbackHost\(written\(listener\.hostname\)\);\n *policy\.hosts = local \? "loopback" : "any"/,
  );
  assert.equal(defaults.get("hosts"), "loopback, on a loopback address; any otherwise");
  assert.ok(read("src/handshake/admission_policy.ts").includes(`["origins"] = "${defaults.get("origins")}"`));
  for (const constant of ["MAX_EARLY_SIZE", "LINGER", "MAX_BODY_SIZE"]) {
    const expression = new RegExp(`const ${constant} = ([\\d *_]+);`).exec(sources)![1]!;
    assert.match(document, new RegExp(`\\b${valueOf(expression)} (?:bytes|ms)\\b`), constant);
  }
});

test("SECURITY.md: every document that it leads to is there, and README.md leads to it", () => {
  const links = [...document.matchAll(/\]\(([^)#]+)\)/g)].map(([, path]) => path!);
  assert.ok(links.length >= 4);
  for (const path of links) assert.ok(existsSync(join(projectRoot, dirname("SECURITY.md"), path)), path);
  assert.match(read("README.md"), /\]\(SECURITY\.md\)/);
});
