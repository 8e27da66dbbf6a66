/** Node's own client; it has no server. */
import { interop } from "./interop.ts";
import { onNode } from "./programs.ts";

interop({
  name: "Node's WebSocket",
  role: "client",
  start: onNode("web_client.ts"),
  cannot: {
    "ping": "the WHATWG interface has no pings",
    "show pings": "the WHATWG interface has no pings",
    "send fragments": "the WHATWG interface sends whole messages",
    "show the answer": "the WHATWG interface does not show the response",
    "show a refusal's status": "the WHATWG interface tells no reason",
  },
});
