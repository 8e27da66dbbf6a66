/** Chromium. */
import assert from "node:assert/strict";
import type { TransportError } from "../../mod.ts";
import { findChromium } from "../browser/chromium.ts";
import { interop, interopCompressed } from "./interop.ts";
import { onNode } from "./programs.ts";
import type { PeerKind } from "./scene.ts";

const kind: PeerKind = {
  name: "Chromium",
  role: "client",
  slow: true,
  start: findChromium() === undefined
    ? { missing: "there is no Chromium; install one, or name it in CHROMIUM_PATH" }
    : onNode("chromium.ts"),
  cannot: {
    "ping": "the WHATWG interface has no pings",
    "show pings": "the WHATWG interface has no pings",
    "send fragments": "the WHATWG interface sends whole messages",
    "send headers": "a page sends no headers of its own",
    "show the answer": "the WHATWG interface does not show the response",
    "show a refusal's status": "the WHATWG interface tells no reason",
    "be killed": "who kills its driver leaves the browser behind",
  },
};
interop(kind, [{
  name: "RFC 6455, section 7.4.1: a page that is left closes with 1001",
  async run(scene) {
    const socket = await scene.open();
    scene.peer.order({ visit: "about:blank" });
    const { error, ...close } = await socket.closed;
    assert.deepEqual(close, { code: 1001, reason: "", wasClean: true, initiator: "remote" });
    // Who leaves may not wait for the end of the TCP connection, and reset it.
    if (error !== undefined) assert.equal((error as TransportError).code, "connection-reset");
  },
}]);
interopCompressed(kind);
