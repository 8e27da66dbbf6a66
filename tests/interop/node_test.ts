/** Node's own client; it has no server. */
import { interop, interopCompressed } from "./interop.ts";
import { onNode } from "./programs.ts";
import type { PeerKind } from "./scene.ts";

const kind: PeerKind = {
  name: "Node's WebSocket",
  role: "client",
  start: onNode("web_client.ts"),
  cannot: {
    "ping": "the WHATWG interface has no pings",
    "show pings": "the WHATWG interface has no pings",
    "send fragments": "the WHATWG interface sends whole messages",
    "show the answer": "the WHATWG interface does not show the response",
    "show a refusal's status": "the WHATWG interface tells no reason",
    "compress": "Node's client inflates, but sends nothing compressed",
  },
};
interop(kind);
interopCompressed(kind);
