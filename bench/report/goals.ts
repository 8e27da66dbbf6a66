/** Goals and results. */
import type { RuntimeName } from "../harness/runtimes.ts";
import { summarize, type Summary } from "../harness/summary.ts";
import type { Measured } from "./run.ts";
import { table } from "./tables.ts";

interface Goal {
  readonly title: string;
  readonly workload: string;
  /** The measured subject: this, a hyphen, and the runtime. Default: `woshou`. */
  readonly subject?: string;
  readonly to: "toPeer" | "toLimit";
  /** The ratio: an upper bound if less is better, otherwise a lower bound. */
  readonly goals: Readonly<Partial<Record<RuntimeName, number>>>;
  readonly atMost?: true;
}

const RUNTIMES: readonly RuntimeName[] = ["Node", "Bun", "Deno"];

function goal(title: string, workload: string, node: number, bun: number, deno: number): Goal {
  return { title, workload, to: "toPeer", goals: { Node: node, Bun: bun, Deno: deno } };
}

function within(title: string, workload: string, least: number): Goal {
  return { title, workload, to: "toLimit", goals: { Node: least, Bun: least, Deno: least } };
}

function mounted(title: string, workload: string, node: number): Goal {
  return { title, workload, subject: "acceptor", to: "toPeer", goals: { Node: node } };
}

/** Goals that belong together. */
interface Goals {
  readonly title: string;
  readonly about: string;
  readonly goals: readonly Goal[];
}

const SERVERS: readonly Goal[] = [
  goal("echo 32 B, depth 1", "echo-32", 1.2, 1, 1),
  goal("echo 32 B, depth 16", "echo-32-deep", 10, 1, 8),
  goal("echo 16 KiB text, depth 4", "echo-16k", 1.8, 1.4, 1),
  goal("broadcast 64 B to 500", "broadcast-64", 8, 1, 8),
  goal("opening handshakes", "handshakes", 1.5, 0.95, 1),
  { ...goal("bytes per idle connection", "idle", 0.85, 1.2, 0.5), atMost: true },
  within("echo 32 B, depth 1, to bare TCP", "echo-32", 0.85),
  within("echo 16 KiB text, to bare TCP", "echo-16k", 0.7),
];

const MOUNTED: readonly Goal[] = [
  mounted("acceptor: echo 32 B, depth 1", "mounted-echo-32", 1.2),
  mounted("acceptor: echo 32 B, depth 16", "mounted-echo-32-deep", 8),
  mounted("acceptor: echo 16 KiB text", "mounted-echo-16k", 2.5),
  mounted("acceptor: opening handshakes", "mounted-handshakes", 1.2),
  goal("TLS: echo 32 B, depth 1", "secure-echo-32", 1, 1, 1),
  goal("TLS: echo 32 B, depth 16", "secure-echo-32-deep", 4, 1, 1),
  goal("TLS: echo 16 KiB text", "secure-echo-16k", 1, 1, 1),
  goal("requests of HTTP, to node:http", "requests", 0.87, 0.87, 0.87),
];

const ALL: readonly Goals[] = [
  {
    title: "Goals",
    about: "Ratios of woshou to the peer and to the limit.",
    goals: SERVERS,
  },
  {
    title: "Goals where people mount",
    about:
      "woshou's acceptor on `node:http` beside `ws` there; `serve({ tls })` beside `ws` on `node:https`, `Bun.serve` and\n" +
      "`Deno.serve`; and ordinary requests through option `http` beside the runtime's own `node:http`.",
    goals: MOUNTED,
  },
];

/** The goals of which all have figures in this run: their titles, and tables of how many were reached. */
export function goalsReached(measured: readonly Measured[]): { title: string; text: string }[] {
  const summaries = measured.flatMap(({ suite, results }) => summarize(suite.figure, results));
  return ALL.flatMap(({ title, about, goals }) => {
    if (!goals.every(({ workload }) => summaries.some((each) => each.workload === workload))) return [];
    return [{ title, text: `${about}\n\n${goalTable(goals, summaries)}` }];
  });
}

function goalTable(goals: readonly Goal[], summaries: readonly Summary[]): string {
  let reached = 0;
  let all = 0;
  const cell = ({ workload, subject = "woshou", to, goals, atMost }: Goal, runtime: RuntimeName): string => {
    const goal = goals[runtime];
    if (goal === undefined) return "";
    const ratio = summaries.find((each) =>
      each.workload === workload && each.subject === `${subject}-${runtime.toLowerCase()}`
    )?.[to];
    if (ratio === undefined) return "not measured";
    const good = atMost ? ratio <= goal : ratio >= goal;
    all++;
    if (good) reached++;
    return `${ratio.toFixed(2)} of ${atMost ? "<=" : ">="} ${goal.toFixed(2)}, ${
      good ? "reached" : "MISSED"
    }`;
  };
  const rows = goals.map((goal) => [goal.title, ...RUNTIMES.map((runtime) => cell(goal, runtime))]);
  const heads = ["", "Node, to ws", "Bun, to Bun.serve", "Deno, to Deno.upgradeWebSocket"];
  return `${table([heads, ...rows])}\n\n${reached} of ${all} reached.`;
}
