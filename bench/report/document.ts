/** docs/PERFORMANCE.md, and the tables and charts of docs/performance. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../harness/project.ts";
import { charts } from "./charts.ts";
import { goalsReached } from "./goals.ts";
import { disturbance, machine, type Measured, type Run, versions } from "./run.ts";
import { tables } from "./tables.ts";

const DOCUMENT = join(projectRoot, "docs", "PERFORMANCE.md");
const FOLDER = join(projectRoot, "docs", "performance");
const TABLES = join(FOLDER, "tables.md");

const PREAMBLE = `# Performance

The table says how woshou compares with what most people use on the same runtime, and with a bare TCP echo. Every figure behind it,
both losses and wins, is in [performance/tables.md](performance/tables.md); what is below its goal, and why, in
[performance/below_the_goals.md](performance/below_the_goals.md).

## How to run it again

On Linux:

\`\`\`sh
npm ci && npm ci --prefix tests/runtimes
npm run bench -- --write             # half an hour or more; --help lists what can be left out
npm run bench -- growth --write      # with more connections
npm run bench -- profile --write     # where the time goes
npm run bench -- perf --write        # the same by Linux's perf, the kernel included (Debian: apt-get install linux-perf)
npm run bench -- heap --write        # what an idle connection is made of
npm run bench -- micro --write       # the parts by themselves
npm run bench -- --against COMMIT    # the library of another commit against this one
npm run bench -- --cross-check       # the load generator against another one, in C
\`\`\`

- Each subject is a process of its own on the loopback interface. The load comes from another process, on Node, which shares no code
  with the library and checks what comes back.
- The subjects take turns, and each sample has new processes: a second to warm up, then the span that counts.
- A figure is the median of all rounds. A ratio is the median of the ratios within each round, because the machine is faster at one
  time than at another; the lowest and the highest are shown with it. Compare ratios within one run only.
- CPU-seconds are those of all threads of the subject's process, in user and kernel mode (\`/proc\`). They tell what a message costs,
  even where the generator was the limit. A server that has to wait does less at a time, and so needs a little more for each message.
- Peak memory is the most that the process had resident in any round.
`;

const TABLES_PREAMBLE = `# The tables behind [PERFORMANCE.md](../PERFORMANCE.md)

Each section is written by the command that it names, from one run. Compare figures within one section only.
`;

const PICTURES = "Charts";

function section({ command, extent, date }: Run, measured: Measured): string {
  const { suite } = measured;
  const pictures = charts(measured);
  mkdirSync(FOLDER, { recursive: true });
  for (const { name, svg } of pictures) writeFileSync(join(FOLDER, `${name}.svg`), svg);
  const written = tables(measured, (workload) => {
    const { title, name } = pictures.find((each) => each.workload === workload?.id)!;
    return `![${title}](${name}.svg)\n\n`;
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

/** Writes the sections of a run into the documents, replacing the previous ones. */
export function writeDocument(run: Run): void {
  const goals = goalsReached(run.measured);
  const sections = run.measured.map((measured) => section(run, measured));
  writeSections(sections);
  writeInto(DOCUMENT, PREAMBLE, goals.map(({ title, text }) => `## ${title}\n\n${text}`));
}

/** Writes sections of the tables, each with its heading, replacing the first one of that name. */
export function writeSections(sections: readonly string[]): void {
  writeInto(TABLES, TABLES_PREAMBLE, sections);
  const shown = [...readFileSync(TABLES, "utf8").matchAll(/^!\[([^\]]*)\]\((.*)\)$/gm)];
  const charts = shown.map(([, title, file]) => `![${title}](performance/${file})`).join("\n");
  writeInto(DOCUMENT, PREAMBLE, [`## ${PICTURES}\n\n${charts}`]);
}

/** Writes sections of a document, each replacing the first one of that name; others stay. */
function writeInto(path: string, preamble: string, sections: readonly string[]): void {
  const headingOf = (part: string): string => part.slice(0, part.indexOf("\n"));
  const written = new Set(sections.map(headingOf));
  const ofPreamble = new Set(preamble.match(/^## .*$/gm) ?? []);
  const old = existsSync(path) ? readFileSync(path, "utf8").split(/^(?=## )/m).slice(1) : [];
  const kept = old.filter((part) => !ofPreamble.has(headingOf(part)));
  const place = kept.findIndex((part) => written.has(headingOf(part)));
  const others = kept.filter((part) => !written.has(headingOf(part)));
  others.splice(place === -1 ? others.length : place, 0, ...sections);
  writeFileSync(path, `${[preamble, ...others].map((part) => part.trimEnd()).join("\n\n")}\n`);
}
