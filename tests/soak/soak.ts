/** `npm run soak`: servers under many connections, for some time. `--help` lists the options. */
import process from "node:process";
import { parseArgs } from "node:util";
import type { RuntimeName } from "../../bench/harness/runtimes.ts";
import { table, writeBetweenMarkers } from "./document.ts";
import { circumstances, fileLimit, Program, RUNTIMES } from "./processes.ts";
import { type Extent, type Row, type ShutdownCase, shutdownUnderLoad, Soaked } from "./soak_phases.ts";

const PHASES = ["hold", "churn", "kill", "shutdown"] as const;
type Phase = typeof PHASES[number];

const TITLES: Readonly<Record<Phase, string>> = {
  hold: "Open connections with echoes",
  churn: "Connection churn",
  kill: "kill -9 of the clients",
  shutdown: "Shutdown under load",
};

const ENDINGS: readonly ShutdownCase[] = [
  { name: "undisturbed", clients: 100, slow: 0, deadline: 60_000, closeTimeout: 60_000 },
  {
    name: "a fifth reads slowly, 2 s to close",
    clients: 100,
    slow: 20,
    deadline: 60_000,
    closeTimeout: 2000,
  },
  { name: "all dropped after 50 ms", clients: 100, slow: 20, deadline: 50, closeTimeout: 2000 },
];

/** What a process may have open besides its connections. */
const SPARE_FILES = 200;

const USAGE = `npm run soak -- [options]
  --runtime NAME       Node, Deno or Bun as the server; may be given more than once (default: each in turn)
  --only PHASE         of ${PHASES.join(", ")}; may be given more than once (default: all)
  --connections N      connections that are held (default 10000); half as many are killed
  --seconds N          how long they are held (default 60)
  --churn N            connections that come and go (default 100000)
  --write              write the section of docs/RELIABILITY.md anew
  --help               show this`;

function commandLine() {
  const { values } = parseArgs({
    options: {
      runtime: { type: "string", multiple: true, default: [...RUNTIMES] },
      only: { type: "string", multiple: true, default: [...PHASES] },
      connections: { type: "string", default: "10000" },
      seconds: { type: "string", default: "60" },
      churn: { type: "string", default: "100000" },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const number = (name: "connections" | "seconds" | "churn"): number => {
    const value = Number(values[name]);
    if (value > 0) return value;
    throw new RangeError(`--${name} wants a number above 0, not "${values[name]}".`);
  };
  const of = <T extends string>(all: readonly T[], name: string, wanted: readonly string[]): T[] => {
    const unknown = wanted.find((each) => !(all as readonly string[]).includes(each));
    if (unknown === undefined) return all.filter((each) => wanted.includes(each));
    throw new RangeError(`--${name} does not know "${unknown}"; there are ${all.join(", ")}.`);
  };
  const runtimes = of<RuntimeName>(RUNTIMES, "runtime", values.runtime);
  const phases = of<Phase>(PHASES, "only", values.only);
  if (values.write && (runtimes.length < RUNTIMES.length || phases.length < PHASES.length)) {
    throw new RangeError("--write wants all runtimes and all phases; leave out --runtime and --only.");
  }
  const extent = { connections: number("connections"), seconds: number("seconds"), churn: number("churn") };
  return { runtimes, phases, extent, write: values.write, help: values.help };
}

function checkFiles(connections: number): void {
  const limit = fileLimit();
  if (limit >= connections + SPARE_FILES) return;
  throw new Error(
    `${connections} connections take ${
      connections + SPARE_FILES
    } open files, and the system's hard limit allows a ` +
      `process ${limit}. Raise it ("ulimit -Hn", /etc/security/limits.conf), or give fewer --connections.`,
  );
}

type Results = Map<Phase, Row[]>;

/** Runs a phase. A failure is told, and the other phases go on. */
async function attempt(
  title: string,
  run: () => Promise<Row>,
  rows: Row[],
  runtime: RuntimeName,
): Promise<boolean> {
  const began = performance.now();
  console.log(`${runtime}: ${title} ...`);
  try {
    const row = await run();
    rows.push({ "server": runtime, ...row });
    const figures = Object.entries(row).map(([name, figure]) => `${name} ${figure}`.trim()).join("; ");
    console.log(
      `${runtime}: ${title}: ok after ${((performance.now() - began) / 1000).toFixed(0)} s: ${figures}`,
    );
    return true;
  } catch (error) {
    console.log(`${runtime}: ${title}: FAILED: ${(error as Error).message}`);
    process.exitCode = 1;
    return false;
  }
}

async function soak(
  runtime: RuntimeName,
  phases: readonly Phase[],
  extent: Extent,
  results: Results,
): Promise<void> {
  const rowsOf = (phase: Phase): Row[] => results.get(phase) ?? results.set(phase, []).get(phase)!;
  for (const phase of phases) {
    if (phase === "shutdown") {
      for (const ending of ENDINGS) {
        const title = `${TITLES[phase]}, ${ending.name}`;
        await attempt(title, () => shutdownUnderLoad(runtime, ending), rowsOf(phase), runtime);
      }
      continue;
    }
    // Each phase has a server of its own: what one has left behind is not the other's.
    await using server = await Program.start(runtime, "echo_server_process");
    const soaked = new Soaked(server, (line) => console.log(line));
    await attempt(
      TITLES[phase],
      async () => {
        await soaked.warmUp();
        return await soaked[phase](extent);
      },
      rowsOf(phase),
      runtime,
    );
  }
}

function tableOf(rows: readonly Row[]): string {
  const heads = Object.keys(rows[0]!);
  return table([heads, ...rows.map((row) => heads.map((head) => row[head] ?? ""))]);
}

async function main(): Promise<void> {
  let options: ReturnType<typeof commandLine>;
  try {
    options = commandLine();
    if (options.help) return console.log(USAGE);
    if (process.platform !== "linux") throw new Error("The soak reads /proc, and so runs on Linux only.");
    checkFiles(options.extent.connections);
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 2;
    return;
  }
  const { runtimes, phases, extent, write } = options;
  const results: Results = new Map();
  for (const runtime of runtimes) await soak(runtime, phases, extent, results);
  const parts = [...results].filter(([, rows]) => rows.length > 0).map(([phase, rows]) =>
    `### ${TITLES[phase]}\n\n${tableOf(rows)}`
  );
  console.log(`\n${parts.join("\n\n")}`);
  if (!write) return;
  if (process.exitCode === 1) {
    return console.error("docs/RELIABILITY.md stays as it was, since something failed.");
  }
  const { connections, seconds, churn } = extent;
  const command = `npm run soak -- --connections ${connections} --seconds ${seconds} --churn ${churn}`;
  writeBetweenMarkers("soak", `${parts.join("\n\n")}\n\n\`${command}\`. ${circumstances()}`);
}

await main();
