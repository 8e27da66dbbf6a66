/** The WebSocket of undici, over HTTP/2. The argument is a file with the authorities to trust. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { Agent, WebSocket } from "undici";
import { attend, takeOrders } from "./program.ts";

const dispatcher = new Agent({ allowH2: true, connect: { ca: readFileSync(process.argv[2]!, "utf8") } });

takeOrders(({ connect, protocols, headers }) => {
  const socket = new WebSocket(connect, { protocols: [...protocols], headers, dispatcher });
  attend(socket as unknown as globalThis.WebSocket);
});
