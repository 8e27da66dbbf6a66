/** The command line of profilers that look into servers under load, and the section that they write. */
import process from "node:process";
import { parseArgs } from "node:util";
import { writeSections } from "../report/document.ts";
import { machine } from "../report/run.ts";
import { packageVersion } from "./project.ts";
import { runtime } from "./runtimes.ts";
import type { Suite, Workload } from "./suite.ts";

/** A way to look into servers. */
export interface Look {
  /** The npm script. */
  readonly command: string;
  /** The section heading, without `## `. */
  readonly heading: string;
  /** Markdown that describes the method. */
  readonly method: string;
  /** The minimum of seconds that must be requested. */
  readonly leastSeconds?: number;
  /** The results for a suite's servers under one workload, as Markdown below its own heading. */
  part(suite: Suite, workload: Workload, seconds: number): Promise<string>;
}

/** Runs these workloads one after the other, as the command line says. */
export async function runLook(look: Look, suites: readonly Suite[], ids: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "3" },
      workload: { type: "string", multiple: true, default: [...ids] },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const { leastSeconds } = look;
  if (values.help) {
    return console.log(`npm run ${look.command} [options]${
      leastSeconds === undefined ? "" : `
  --seconds N            the span of each sample that is looked at (default 3)`
    }
  --workload WORKLOAD    of ${ids.join(", ")}; may be given more than once
  --write                write the section "${look.heading}" of docs/PERFORMANCE.md anew
  --help                 show this`);
  }
  const seconds = Number(values.seconds);
  if (!(seconds > (leastSeconds ?? 0)) || values.workload.some((id) => !ids.includes(id))) {
    console.error(
      `--seconds wants a number above ${look.leastSeconds}, and --workload one of those that --help lists.`,
    );
    process.exitCode = 2;
    return;
  }
  const parts: string[] = [];
  for (const suite of suites) {
    for (const workload of suite.workloads.filter(({ id }) => values.workload.includes(id))) {
      parts.push(`### ${workload.title}: ${await look.part(suite, workload, seconds)}`);
      console.log(`\n${parts.at(-1)}`);
    }
  }
  if (!values.write) return;
  const date = new Date().toISOString().slice(0, 10);
  const names = [...new Set(suites[0]!.subjects.map((subject) => subject.runtime))];
  const versions = [
    ...names.map((name) => `${name} ${runtime(name).version}`),
    `woshou ${packageVersion()}`,
  ];
  const measured = `Measured on ${date} by \`npm run ${look.command}\`${
    leastSeconds === undefined ? "" : `, ${seconds} s each`
  }, on ${machine()}, with ${versions.join(", ")}.`;
  writeSections([[`## ${look.heading}`, look.method, ...parts, measured].join("\n\n")]);
}
