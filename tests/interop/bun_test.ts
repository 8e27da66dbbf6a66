/** Bun's own server and client. */
import { interop } from "./interop.ts";
import { onBun } from "./programs.ts";

interop({
  name: "Bun.serve",
  role: "server",
  start: onBun("bun_server.ts"),
  cannot: {
    "send fragments": "Bun.serve sends whole messages",
    "tell the code it received": "Bun.serve tells its own code once it has sent one",
    "close without a code": "close() of Bun.serve always sends one, 1000 unless told otherwise",
  },
});
interop({
  name: "Bun's WebSocket",
  role: "client",
  start: onBun("web_client.ts"),
  cannot: {
    "send fragments": "the WHATWG interface sends whole messages",
    "show the answer": "the WHATWG interface does not show the response",
  },
});
