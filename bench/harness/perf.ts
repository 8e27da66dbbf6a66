/** What Linux's `perf` sees of servers under load, including the kernel. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OWNERS, type Shares, sharesOf } from "../report/perf_shares.ts";
import { table } from "../report/tables.ts";
import { jitSymbols } from "./jit_dump.ts";
import { loadServer, startServer } from "./measure.ts";
import type { Look } from "./profile_command.ts";
import type { RuntimeName } from "./runtimes.ts";
import type { Subject, Workload } from "./suite.ts";
import { median } from "./summary.ts";

const WARMUP_SECONDS = 2;
/** The speed of a shared machine changes: one look each would compare its moods. */
const ROUNDS = 3;
/** Samples per second: not a divisor of anything that happens regularly. */
const FREQUENCY = 997;
/** Start-up time of perf, so that it only sees load. */
const START_SECONDS = 0.5;
const MOST_OUTPUT = 1024 * 1024 * 1024;

/** V8 also writes a log, which goes to a temporary folder. */
const v8Flags = (folder: string): string[] => [
  "--perf-basic-prof",
  "--no-logfile-per-isolate",
  `--logfile=${join(folder, "v8.log")}`,
];

/** How each runtime exports the names of compiled code to perf. */
const NAMED: Readonly<Record<RuntimeName, (folder: string) => [readonly string[], Record<string, string>]>> =
  {
    Node: (folder) => [v8Flags(folder), {}],
    Deno: (folder) => [[`--v8-flags=${v8Flags(folder).join(",")}`], {}],
    Bun: (folder) => [[], { BUN_JSC_useJITDump: "1", BUN_JSC_jitDumpDirectory: folder }],
  };

async function record(pid: number, seconds: number, file: string): Promise<void> {
  const options = ["-q", "-e", "cpu-clock", "-F", String(FREQUENCY), "-g", "-p", String(pid), "-o", file];
  const child = spawn("perf", ["record", ...options, "--", "sleep", String(seconds)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => errors += text);
  child.on("error", () => errors += "perf is not there; on Debian, the package linux-perf brings it.");
  const [code] = await once(child, "close").catch(() => []);
  if (code !== 0) throw new Error(errors);
}

interface Seen {
  /** CPU microseconds per message. */
  readonly each: number;
  readonly shares: Shares;
}

async function look(subject: Subject, workload: Workload, seconds: number): Promise<Seen> {
  const folder = mkdtempSync(join(tmpdir(), "woshou-perf-"));
  const file = join(folder, "perf.data");
  const { warmup = WARMUP_SECONDS } = workload;
  const [server, { port }] = await startServer(subject, ...NAMED[subject.runtime](folder));
  const pid = server.child.pid!;
  const symbols = `/tmp/perf-${pid}.map`;
  try {
    const span = { warmup, seconds: seconds + START_SECONDS };
    let begin!: () => void;
    const begun = new Promise<void>((resolve) => begin = resolve);
    const [sample] = await Promise.all([
      loadServer(server, port, subject, workload, span, begin),
      begun.then(() => record(pid, seconds, file)),
    ]);
    const dump = readdirSync(folder).find((name) => name.endsWith(".dump"));
    if (dump !== undefined) writeFileSync(symbols, jitSymbols(readFileSync(join(folder, dump))));
    const script = execFileSync("perf", ["script", "--no-inline", "-i", file, "-F", "pid,tid,ip,sym,dso"], {
      encoding: "latin1",
      maxBuffer: MOST_OUTPUT,
      stdio: ["ignore", "pipe", "ignore"],
    });
    return { each: sample.serverCpu / sample.messages * 1e6, shares: sharesOf(script) };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
    rmSync(symbols, { force: true });
  }
}

const METHOD = `\
Microseconds of CPU for each message (or delivery, or handshake), of woshou, of its peer and of the limit on each runtime: the
shares are those that \`perf record -e cpu-clock -g\` saw, the sum is from \`/proc\` as above. Each figure is the median of three
looks, for which the subjects take turns, so that a column need not add up to its sum. perf and the names that it needs cost a
little themselves. "Kernel, writing" is all below \`write()\` and \`send()\`, which on the loopback interface takes a message as
far as the receiver's socket; "kernel, the rest" is mostly waiting, and for handshakes to accept and to close. "The runtime" is
what runs below none of the program's own functions, native or in the JavaScript that Node and Deno bring; of what the program's
own functions call, the binding of Bun's \`socket.write()\` is a part. "Other threads" compile and collect garbage.`;

/** CPU microseconds per message, by owner of the code. */
export const perf: Look = {
  command: "bench -- perf",
  heading: "Where the time goes, the kernel included",
  method: METHOD,
  leastSeconds: 0,
  async part({ subjects, figure }, workload, seconds) {
    const looked = subjects.filter(({ id }) => !id.startsWith("crossws-"));
    const seen: Seen[][] = looked.map(() => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, subject] of looked.entries()) seen[i]!.push(await look(subject, workload, seconds));
    }
    const micros = (value: number): string => value.toFixed(value < 9.995 ? 2 : 1);
    const row = (name: string, of: (seen: Seen) => number): string[] => [
      name,
      ...seen.map((rounds) => micros(median(rounds.map(of)))),
    ];
    const rows = OWNERS.map((owner) => row(owner, ({ each, shares }) => each * (shares.get(owner) ?? 0)));
    rows.push(row("all", ({ each }) => each));
    return `CPU of ${figure.counted}, in µs each\n\n${
      table([["", ...looked.map(({ title }) => title)], ...rows])
    }`;
  },
};
