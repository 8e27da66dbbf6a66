/** Bun's own server and client. */
import { interop, interopCompressed } from "./interop.ts";
import { onBun } from "./programs.ts";
import type { PeerKind } from "./scene.ts";

const server: PeerKind = {
  name: "Bun.serve",
  role: "server",
  start: onBun("bun_server.ts"),
  cannot: {
    "send fragments": "Bun.serve sends whole messages",
    "tell the code it received": "Bun.serve tells its own code once it has sent one",
    "close without a code": "close() of Bun.serve always sends one, 1000 unless told otherwise",
    "show the extensions": "Bun.serve does not show them",
    "compress as asked": "Bun.serve declines an offer with server_max_window_bits",
  },
};
const client: PeerKind = {
  name: "Bun's WebSocket",
  role: "client",
  start: onBun("web_client.ts"),
  cannot: {
    "send fragments": "the WHATWG interface sends whole messages",
    "show the answer": "the WHATWG interface does not show the response",
  },
};
interop(server);
interop(client);
interopCompressed({ ...server, name: "Bun.serve, dedicated", start: onBun("bun_server.ts", "usual") });
interopCompressed(
  { ...server, name: "Bun.serve, shared", start: onBun("bun_server.ts", "afresh") },
  ["server_no_context_takeover", "client_no_context_takeover"],
);
interopCompressed(client);
