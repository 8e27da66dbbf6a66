/** Generates docs/CONFORMANCE.md and its table of all cases, from the suite and its results. */
import type { Behavior, CaseGroup } from "./case.ts";
import type { Role } from "./subjects.ts";
import { groups } from "./suite.ts";

/** The runtimes, as the document names them. */
export const RUNTIMES = ["Node", "Deno", "Bun"] as const;

/** How one case went in one place. */
export interface Result {
  readonly runtime: typeof RUNTIMES[number];
  readonly role: Role;
  readonly id: string;
  readonly behavior: Behavior;
}

const ROLES: readonly Role[] = ["server", "client"];

const SUBJECTS: Record<string, string> = {
  "1": "Framing",
  "2": "Pings and pongs",
  "3": "Reserved bits",
  "4": "Reserved opcodes",
  "5": "Fragmentation",
  "6": "UTF-8",
  "7": "Closing",
  "9": "Limits",
  "10": "Fragments by size",
  "12": "Compression of five kinds of data",
  "13": "Compression as the peer asks for it",
};

const COLUMNS = ROLES.flatMap((role) => RUNTIMES.map((runtime) => ({ role, runtime })));
const HEADINGS = COLUMNS.map(({ role, runtime }) => `${role}, ${runtime}`);

/** The documents, by their paths below docs/. */
export function render(
  results: readonly Result[],
): Record<"CONFORMANCE.md" | "conformance/cases.md", string> {
  const behaviors = new Map(
    results.map(({ role, runtime, id, behavior }) => [`${role} ${runtime} ${id}`, behavior]),
  );
  const cells = (id: string) =>
    COLUMNS.map(({ role, runtime }) => behaviors.get(`${role} ${runtime} ${id}`) ?? "not run");
  const total = groups.reduce((sum, { cases }) => sum + cases.length, 0);
  const summary = `# Conformance

How the server and the client behave in each case of groups 1 to 7, 9, 10, 12 and 13 of the
[Autobahn|Testsuite](https://github.com/crossbario/autobahn-testsuite), by its numbers and in its words. The ${total} cases are
written anew from RFC 6455 and RFC 7692, in \`tests/conformance\`, and played over TCP by a peer that shares no code with the
library. They are tests of every run on every runtime. \`node tests/run.mjs conformance\` writes this page and
[the table of all cases](conformance/cases.md), on the runtimes that \`tests/runtimes/package.json\` names. The client is \`connect()\`; groups 1 to 7 are played against the standard's
\`WebSocket\` as well, and come out the same.

Where a case is about compression (groups 12 and 13, by the sections of RFC 7692), an answer may come uncompressed only where
compression saves next to nothing, and together they must come in fewer bytes than they have, where data of that kind and
size allow it. The peer inflates them with no more than what was agreed: a reference beyond the window, or to a message that
none may refer to, fails the case. The data are of the kinds and sizes that the Autobahn|Testsuite uses, made by a rule; it
sends 1000 messages in each case, here there are up to 250; and up to 32 where the whole suite runs on the older Node, Deno and
Bun.

- **OK**: exactly what the RFC asks, at once; our own choice among several lawful answers counts as what is asked.
- **NON-STRICT**: lawful, but later or less than one could wish.
- **INFORMATIONAL**: the RFC leaves open what happens; what we chose happened.
- **FAILED**: anything else.

${
    table(
      ["group", "", "cases", ...HEADINGS],
      Object.entries(SUBJECTS).map(([number, subject]) => {
        const ids = groups.filter(({ id }) => id.split(".")[0] === number).flatMap(({ cases }) => cases)
          .map(({ id }) => id);
        const columns = COLUMNS.map((_, column) => tally(ids.map((id) => cells(id)[column]!)));
        return [number, subject, String(ids.length), ...columns];
      }),
    )
  }
## What deviates

${deviations(cells)}`;
  const rows = groups.map((group) => chapter(group, cells)).join("\n");
  return {
    "CONFORMANCE.md": summary,
    "conformance/cases.md":
      `# The ${total} cases\n\nWhat the words mean stands in [CONFORMANCE.md](../CONFORMANCE.md).\n\n${rows}`,
  };
}

/** The cases that are not OK everywhere. */
function deviations(cells: (id: string) => string[]): string {
  const rows = groups.flatMap(({ cases }) => cases)
    .filter(({ id }) => cells(id).some((behavior) => behavior !== "OK"))
    .map((each) => [each.id, each.title, each.section, ...cells(each.id)]);
  return table(["case", "what is sent", "section", ...HEADINGS], rows);
}

/** The results that a document shows. */
export function read(document: string): Result[] {
  const rows = document.matchAll(
    /^\| (\d+(?:\.\d+)+) \|[^|]*\|[^|]*\|([^|]*\|[^|]*\|[^|]*\|[^|]*\|[^|]*\|[^|]*)\|$/gm,
  );
  return [...rows].flatMap(([, id, behaviors]) =>
    behaviors!.split("|").map((behavior, column) => ({
      ...COLUMNS[column]!,
      id: id!,
      behavior: behavior.trim() as Behavior,
    }))
  );
}

function chapter({ id, title, cases }: CaseGroup, cells: (id: string) => string[]): string {
  const rows = cases.map((each) => [each.id, each.title, each.section, ...cells(each.id)]);
  return `## ${id} ${title}\n\n${table(["case", "what is sent", "section", ...HEADINGS], rows)}`;
}

function table(headings: string[], rows: string[][]): string {
  return [headings, headings.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |\n`).join("");
}

function tally(behaviors: string[]): string {
  const counts = new Map<string, number>();
  for (const behavior of behaviors) counts.set(behavior, (counts.get(behavior) ?? 0) + 1);
  return [...counts].map(([behavior, count]) => `${count} ${behavior}`).join(", ");
}
