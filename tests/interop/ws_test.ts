/** npm's `ws`. */
import { interop } from "./interop.ts";
import { onNode } from "./programs.ts";

interop({ name: "server of npm's ws", role: "server", start: onNode("ws.ts", "server"), cannot: {} });
interop({ name: "client of npm's ws", role: "client", start: onNode("ws.ts"), cannot: {} });
