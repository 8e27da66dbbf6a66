/** docs/PERFORMANCE.md and its charts. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../harness/project.ts";
import { charts } from "./charts.ts";
import { goalsReached } from "./goals.ts";
import { disturbance, machine, type Measured, type Run, versions } from "./run.ts";
import { tables } from "./tables.ts";

const DOCUMENT = join(projectRoot, "docs", "PERFORMANCE.md");
const CHARTS = join(projectRoot, "docs", "performance");

const PREAMBLE = `# Performance

Each section is written by the command that it names, from one run of it, losses and wins alike. Compare figures within one
section only: another machine, or the same one an hour later, gives others. On Linux this does it again:

\`\`\`sh
npm ci && npm ci --prefix tests/runtimes
npm run bench -- --write           # half an hour or more; --help lists what can be left out
npm run bench:growth -- --write
npm run bench:profile -- --write   # where the time goes
npm run bench:perf -- --write      # the same by Linux's perf, the kernel included (Debian: apt-get install linux-perf)
npm run bench:heap -- --write      # what an idle connection is made of
npm run bench:micro -- --write     # the parts by themselves
npm run bench -- --against COMMIT  # holds the library of another commit against the one that is here
npm run bench -- --cross-check     # holds the load generator against another one, in C
\`\`\`

Each subject is a program in a process of its own, on the loopback interface; the load comes from another process, on Node,
which shares no code with the library and checks what comes back. The subjects take turns, and each sample has new processes:
a second of load to warm up, or more where a section says so, then the span that counts. A figure is the median of the rounds,
a ratio the median of the ratios within each round, since the machine is now faster and now slower; the least and the most of
them stand behind it. CPU-seconds are those of all threads of the subject's process, in user and in kernel mode, from \`/proc\`:
they tell what a message costs even where the generator or another process was the limit of what went through by the clock,
though a server that has to wait finds less to do at a time, and so needs a little more for each message. Peak memory is the
most that the process ever had resident, in any round. The peer is what most people use on the same runtime, the limit a bare
TCP echo on it.
`;

const GOALS = "The figures to reach";

function section({ command, extent, date }: Run, measured: Measured): string {
  const { suite } = measured;
  const pictures = charts(measured);
  mkdirSync(CHARTS, { recursive: true });
  for (const { name, svg } of pictures) writeFileSync(join(CHARTS, `${name}.svg`), svg);
  const written = tables(measured, (workload) => {
    const { title, name } = pictures.find((each) => each.workload === workload?.id)!;
    return `![${title}](performance/${name}.svg)\n\n`;
  });
  const parts = [
    `## ${suite.title}`,
    suite.method,
    written,
    suite.differences,
    `Measured on ${date} by \`npm run ${command}\`: ${
      extent.rounds === 1 ? "one round" : `${extent.rounds} rounds`
    } of ${extent.seconds} s, on ${machine()}, with \
${versions([measured]).join(", ")}. ${disturbance([measured])}`,
  ];
  return parts.filter((part) => part !== undefined).join("\n\n");
}

/** Writes the run's sections into the document, in the place of the first that was there before. */
export function writeDocument(run: Run): void {
  const goals = goalsReached(run.measured);
  const sections = run.measured.map((measured) => section(run, measured));
  if (goals !== undefined) {
    sections.unshift(
      `## ${GOALS}\n\nRatios of woshou to the peer and to the limit, from the run below.\n\n${goals}`,
    );
  }
  writeSections(sections);
}

/** Writes sections, each from its heading on, in the place of the first of them that was there before. */
export function writeSections(sections: readonly string[]): void {
  const heading = (part: string): string => part.slice(0, part.indexOf("\n"));
  const headings = new Set(sections.map(heading));
  const old = existsSync(DOCUMENT) ? readFileSync(DOCUMENT, "utf8").split(/^(?=## )/m).slice(1) : [];
  const place = old.findIndex((part) => headings.has(heading(part)));
  const others = old.filter((part) => !headings.has(heading(part)));
  others.splice(place === -1 ? others.length : place, 0, ...sections);
  writeFileSync(DOCUMENT, `${[PREAMBLE, ...others].map((part) => part.trimEnd()).join("\n\n")}\n`);
}
