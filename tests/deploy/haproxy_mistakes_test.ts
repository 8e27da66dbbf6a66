/** HAProxy, wrongly configured. */
import assert from "node:assert/strict";
import { connect } from "../../mod.ts";
import { failure } from "../client/support.ts";
import { tls } from "../fixtures.ts";
import { Backend } from "./backend.ts";
import { haproxy } from "./fronts.ts";
import { assertDocumented, type Change } from "./published.ts";
import { assertEchoes, proxyTest, Setting, trusting, urlOf } from "./setting.ts";
import { asDocumented, commonMistakes, documented, type Mistake, mistake } from "./wrong.ts";

/** An additional rule for every request. */
function rule(text: string): Change {
  return ["    default_backend woshou\n", `    ${text}\n    default_backend woshou\n`];
}

const LARGE_COOKIE = { cookie: `c=${"c".repeat(15_500)}` };

const NO_CHECK = ["    default-server check inter 2s fall 2 rise 1\n", ""] as const;
const FAST_CHECK = ["check inter 2s fall 2", "check inter 50ms fall 1"] as const;

const mistakes: readonly Mistake[] = [
  {
    heading: "HAProxy: Connection is set to close",
    changes: () => ({ site: [rule("http-request set-header Connection close")] }),
    status: 426,
    refusal: "connection-missing",
  },
  {
    heading: "HAProxy: the Host header is changed",
    changes: () => ({ site: [rule("http-request set-header Host internal.example")] }),
    status: 421,
    refusal: "host-not-allowed",
  },
  {
    heading: "HAProxy: the Host header without its port",
    changes: () => ({ site: [rule("http-request set-header Host %[req.hdr(host),field(1,:)]")] }),
    status: 403,
    refusal: "origin-not-allowed",
  },
  {
    heading: "HAProxy: send-proxy",
    changes: (address) => ({ site: [NO_CHECK, [`first ${address}`, `first ${address} send-proxy`]] }),
    status: 400,
    refusal: "start-line-malformed",
  },
  {
    heading: "HAProxy: proto h2 to the server",
    changes: (address) => ({ site: [NO_CHECK, [`first ${address}`, `first ${address} proto h2`]] }),
    status: 503,
    refusal: "http-version-unsupported",
  },
  {
    heading: "HAProxy: a health check without a fetch hook",
    changes: () => ({ site: [FAST_CHECK] }),
    server: { fetch: undefined },
    log: /Server woshou\/first is DOWN, reason: Layer7 .* code: 426/,
    status: 503,
    refusal: "not-a-websocket-request",
  },
  {
    heading: "HAProxy: a health check for a host that the server does not answer for",
    changes: () => ({ site: [["hdr Host 127.0.0.1", "hdr Host app.example"], FAST_CHECK] }),
    log: /Server woshou\/first is DOWN, reason: Layer7 .* code: 421/,
    status: 503,
    refusal: "host-not-allowed",
  },
  {
    heading: "The server speaks TLS, and the proxy does not",
    changes: () => ({ site: [NO_CHECK] }),
    server: { tls },
    status: 502,
  },
  {
    heading: "The proxy speaks TLS to the server, which does not",
    changes: (address) => ({ site: [NO_CHECK, [`first ${address}`, `first ${address} ssl verify none`]] }),
    status: 503,
    refusal: "tls-on-plain-port",
  },
  {
    heading: "HAProxy: ws: to the port for wss:",
    url: ({ securePort }) => `ws://127.0.0.1:${securePort}/`,
    reason: "response-truncated",
  },
  {
    heading: "HAProxy: large cookies",
    client: { headers: LARGE_COOKIE },
    status: 400,
  },
];

for (const each of mistakes) mistake(haproxy, each);
commonMistakes(haproxy);

proxyTest(haproxy, documented("The proxy redirects to https:"), async () => {
  await using backend = await Backend.listen();
  const options = { upstreams: [backend.address] };
  await using front = await haproxy.start(options);
  const redirect =
    `http-request redirect location https://127.0.0.1:${front.securePort}%[pathq] code 301 if !{ ssl_fc }`;
  await front.reload({ ...options, changes: { site: [rule(redirect)] } });
  const error = await failure(urlOf(front, false), trusting());
  assert.equal(error.status, 301);
  assertDocumented("The proxy redirects to https:", asDocumented(error.message));
  const socket = await connect(urlOf(front, false), trusting({ redirects: 1 }));
  await assertEchoes(socket);
  await socket.close();
});

proxyTest(haproxy, "large cookies pass with larger buffers", async () => {
  const changes = { site: [["hard-stop-after 30m", "hard-stop-after 30m\n    tune.bufsize 32768"] as const] };
  await using setting = await Setting.begin(haproxy, { changes });
  const [client] = await setting.open({ headers: LARGE_COOKIE });
  await assertEchoes(client);
});

proxyTest(haproxy, "what is appended to X-Forwarded-For lets the client say who it is", async () => {
  const seen: (string | null)[] = [];
  await using setting = await Setting.begin(haproxy, {
    server: { upgrade: ({ headers }) => void seen.push(headers.get("x-forwarded-for")) },
    changes: { site: [["http-request set-header X-Forwarded-For %[src]", "option forwardfor"]] },
  });
  await setting.open({ headers: { "x-forwarded-for": "203.0.113.7" } });
  assert.deepEqual(seen, ["203.0.113.7, 127.0.0.1"]);
});
