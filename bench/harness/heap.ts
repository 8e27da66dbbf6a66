/** Heap snapshots of idle connections. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { heapGrowth, type HeapSnapshot, type Held } from "../report/heap_growth.ts";
import { table } from "../report/tables.ts";
import { HEAP_SNAPSHOT } from "../servers/serving.ts";
import { generator, serverSample, startServer } from "./measure.ts";
import type { Look } from "./profile_command.ts";
import { projectRoot } from "./project.ts";
import type { Subject, Suite, Workload } from "./suite.ts";

/** Time limit of a snapshot. */
const SNAPSHOT_SECONDS = 60;
/** Object types to show per subject, largest first. */
const KINDS = 9;

const METHOD = `\
What is on the heap for each idle connection: heap snapshots (\`v8.writeHeapSnapshot()\`, which all three runtimes have) of a
server with 32 connections and with 5,000 more, the difference divided by their number. What is resident is measured as above,
once, in a process of its own, since a snapshot needs memory itself. The rest of it is what the runtime holds natively for a
socket, what the heap's blocks have to spare, and what the snapshots do not count.`;

/** The library's own classes. */
function ownClasses(): ReadonlySet<string> {
  const folder = join(projectRoot, "src");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts")
  );
  return new Set(
    files.flatMap((name) =>
      [...readFileSync(join(folder, name), "utf8").matchAll(/^(?:export )?class (\w+)/gm)].map(([, own]) =>
        own!
      )
    ),
  );
}

async function snapshots(subject: Subject, workload: Workload): Promise<[string, Held][]> {
  const folder = mkdtempSync(join(tmpdir(), "woshou-heap-"));
  const [server, { port }] = await startServer(
    subject,
    subject.runtime === "Deno" ? [`--allow-write=${folder}`] : [],
  );
  const { bare = false } = subject;
  const load = generator(workload, { port, bare, pid: server.child.pid!, warmup: 0, seconds: 0 });
  const snapshot = async (name: string): Promise<HeapSnapshot> => {
    await load.line(SNAPSHOT_SECONDS);
    const file = join(folder, name);
    server.child.stdin!.write(`${HEAP_SNAPSHOT}${file}\n`);
    await server.line(SNAPSHOT_SECONDS);
    return JSON.parse(readFileSync(file, "utf8"));
  };
  try {
    const before = await snapshot("before.heapsnapshot");
    load.child.stdin!.write("\n");
    return heapGrowth(before, await snapshot("after.heapsnapshot"), workload.connections);
  } finally {
    await load.stop();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Seen {
  readonly subject: Subject;
  readonly resident: number;
  readonly kinds: readonly (readonly [string, Held])[];
}

const whole = (value: number): string => Math.round(value).toLocaleString("en");
const sum = (kinds: Seen["kinds"]): number => kinds.reduce((bytes, [, held]) => bytes + held.bytes, 0);

function kindsOf({ subject, kinds }: Seen): string {
  const most = kinds.slice(0, KINDS).filter(([, { bytes }]) => bytes >= 1);
  const told = most.map(([kind, { count, bytes }]) => {
    const times = Math.round(count) > 1 ? ` in ${Math.round(count)}` : "";
    return `\`${kind}\` ${whole(bytes)}${times}`;
  });
  return `- ${subject.title}: ${told.length === 0 ? "nothing" : told.join("; ")}`;
}

async function part({ subjects, figure }: Suite, workload: Workload): Promise<string> {
  const own = ownClasses();
  const seen: Seen[] = [];
  for (const subject of subjects.filter(({ id }) => !id.startsWith("crossws-"))) {
    const sample = await serverSample(subject, workload, { warmup: 0, seconds: 0 });
    const kinds = await snapshots(subject, { ...workload, load: "held" });
    seen.push({ subject, resident: figure.of(sample), kinds });
  }
  const isOwn = (subject: Subject, kind: string): boolean =>
    subject.id.startsWith("woshou-") && own.has(kind);
  const row = (name: string, of: (seen: Seen) => number): string[] => [
    name,
    ...seen.map((each) => whole(of(each))),
  ];
  const rows = [
    ["", ...seen.map(({ subject }) => subject.title)],
    row(
      "objects of woshou's classes",
      ({ subject, kinds }) => sum(kinds.filter(([kind]) => isOwn(subject, kind))),
    ),
    row("all else on the heap", ({ subject, kinds }) => sum(kinds.filter(([kind]) => !isOwn(subject, kind)))),
    row("not in the snapshots", ({ resident, kinds }) => resident - sum(kinds)),
    row("resident", ({ resident }) => resident),
  ];
  return `bytes for each\n\n${table(rows)}\n\n${seen.map(kindsOf).join("\n")}`;
}

/** Bytes of an idle connection by object type. */
export const heap: Look = {
  command: "bench -- heap",
  heading: "What an idle connection is made of",
  method: METHOD,
  part,
};
