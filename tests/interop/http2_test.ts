/** WebSockets over HTTP/2 (RFC 8441): our acceptor on a node:http2 server, and the clients that can do it. */
import { amount } from "../harness.ts";
import { findChromium } from "../browser/chromium.ts";
import { findFirefox } from "../browser/firefox.ts";
import { interop, interopCompressed } from "./interop.ts";
import { authorityFile, onDeno, onNode, onPython } from "./programs.ts";
import type { PeerKind } from "./scene.ts";

const ofWebInterface = {
  "ping": "the WHATWG interface has no pings",
  "show pings": "the WHATWG interface has no pings",
  "send fragments": "the WHATWG interface sends whole messages",
  "show the answer": "the WHATWG interface does not show the response",
  "show a refusal's status": "the WHATWG interface tells no reason",
};
const ofBrowsers = {
  ...ofWebInterface,
  "send headers": "a page sends no headers of its own",
  "be killed": "who kills its driver leaves the browser behind",
};

const common = { role: "client", http2: true } as const;
const chromium: PeerKind = {
  ...common,
  name: "Chromium over HTTP/2",
  slow: true,
  start: findChromium() === undefined
    ? { missing: "there is no Chromium; install one, or name it in CHROMIUM_PATH" }
    : onNode("chromium.ts", "any-certificate"),
  cannot: ofBrowsers,
};
const firefox: PeerKind = {
  ...common,
  name: "Firefox over HTTP/2",
  slow: true,
  start: findFirefox() === undefined
    ? { missing: "there is no Firefox; install one, or name it in FIREFOX_PATH" }
    : onNode("firefox.ts"),
  cannot: {
    ...ofBrowsers,
    "show the extensions": "over HTTP/2, Firefox shows the name without the parameters",
    "compress as asked": "Firefox offers no client_max_window_bits",
  },
};
const deno: PeerKind = {
  ...common,
  name: "Deno's WebSocket over HTTP/2",
  start: onDeno("web_client.ts"),
  cannot: { ...ofWebInterface, "tell a lost connection as 1006": "Deno's close event has the code 0 then" },
};
const undici: PeerKind = {
  ...common,
  name: "undici over HTTP/2",
  start: onNode("undici.ts", authorityFile),
  cannot: { ...ofWebInterface, "compress": "undici inflates, but sends nothing compressed" },
};
const python: PeerKind = {
  ...common,
  name: "Python's h2",
  start: onPython(["h2", "websockets"], "python_h2.py", authorityFile),
  cannot: {},
};

for (const kind of [chromium, firefox, deno, undici, python]) interop(kind);
const elsewhere = { missing: "it is driven where the suite does all of its work" };
interopCompressed({ ...chromium, start: amount(chromium.start, elsewhere) });
interopCompressed({ ...firefox, start: amount(firefox.start, elsewhere) });
interopCompressed(undici);
