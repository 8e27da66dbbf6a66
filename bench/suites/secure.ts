/** Echoes over TLS. */
import type { Suite } from "../harness/suite.ts";
import { echo } from "./echo.ts";
import { byRuntime, peerSubjects, woshouSubjects } from "./subjects.ts";

const MEASURED = ["echo-32", "echo-32-deep", "echo-16k"];

/** Echoes over TLS. */
export const secureEcho: Suite = {
  ...echo,
  id: "secure-echo",
  title: "Echoes over TLS",
  subjects: byRuntime([...woshouSubjects("servers/woshou_secure"), ...peerSubjects("secure")]),
  workloads: echo.workloads.filter(({ id }) => MEASURED.includes(id)).map((each) => ({
    ...each,
    id: `secure-${each.id}`,
    title: `${each.title}, over TLS`,
    order: { ...each.order, secure: 1 },
  })),
  method: `\
The same echoes over TLS 1.3: \`serve({ tls })\`, \`ws\` on \`node:https\`, \`Bun.serve\` and \`Deno.serve\` with the same
certificate. The TLS handshakes are over before anything is measured.`,
  differences: "",
};
