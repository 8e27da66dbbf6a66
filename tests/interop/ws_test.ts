/** npm's `ws`. */
import { agreements } from "./compression.ts";
import { interop, interopCompressed } from "./interop.ts";
import { onNode } from "./programs.ts";

interop({ name: "server of npm's ws", role: "server", start: onNode("ws.ts", "server"), cannot: {} });
interop({ name: "client of npm's ws", role: "client", start: onNode("ws.ts"), cannot: {} });

for (const role of ["server", "client"] as const) {
  for (const [compression, parameters] of agreements) {
    const start = onNode("ws.ts", role, compression);
    interopCompressed({ name: `${role} of npm's ws, ${compression}`, role, start, cannot: {} }, parameters);
  }
}
