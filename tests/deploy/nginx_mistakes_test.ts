/** nginx, wrongly configured. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { acceptor, connect } from "../../mod.ts";
import { failure } from "../client/support.ts";
import { tls } from "../fixtures.ts";
import { runtime } from "../harness.ts";
import { Backend } from "./backend.ts";
import { nginx } from "./fronts.ts";
import { assertDocumented } from "./published.ts";
import { assertEchoes, proxyTest, Setting, trusting, urlOf } from "./setting.ts";
import { asDocumented, commonMistakes, documented, type Mistake, mistake } from "./wrong.ts";

const VERSION = ["proxy_http_version 1.1;\n", ""] as const;
const UPGRADE = ["proxy_set_header Upgrade $http_upgrade;\n", ""] as const;
const CONNECTION = ["proxy_set_header Connection $woshou_connection;\n", ""] as const;
const HOST = "proxy_set_header Host $http_host;\n";
// A hundred cookies as they grow on a domain with many applications.
const COOKIES = {
  cookie: Array.from({ length: 100 }, (_, index) => `${index}=${"c".repeat(100)}`).join("; "),
};

const mistakes: readonly Mistake[] = [
  {
    heading: "nginx: proxy_pass alone",
    changes: (address) => ({ snippet: [[/[^]*/, `proxy_pass http://${address};\n`]] }),
    status: 505,
    refusal: "http-version-unsupported",
  },
  {
    heading: "nginx: no proxy_http_version 1.1",
    changes: () => ({ snippet: [VERSION] }),
    status: 505,
    refusal: "http-version-unsupported",
  },
  {
    heading: "nginx: neither Upgrade nor Connection",
    changes: () => ({ snippet: [UPGRADE, CONNECTION] }),
    status: 426,
    refusal: "upgrade-missing",
  },
  {
    heading: "nginx: Upgrade without Connection",
    changes: () => ({ snippet: [CONNECTION] }),
    status: 426,
    refusal: "connection-missing",
  },
  {
    heading: "nginx: the Host header is not passed on",
    changes: () => ({ snippet: [[HOST, ""]] }),
    status: 421,
    refusal: "host-not-allowed",
  },
  {
    heading: "nginx: the Host header without its port",
    changes: () => ({ snippet: [["$http_host", "$host"]] }),
    status: 403,
    refusal: "origin-not-allowed",
  },
  {
    heading: "The server speaks TLS, and the proxy does not",
    server: { tls },
    // Deno's TLS says what it has against plain text, and nginx passes that on as the answer of an HTTP/0.9 server.
    ...runtime === "deno" ? { reason: "response-malformed" } : { status: 502 },
  },
  {
    heading: "The proxy speaks TLS to the server, which does not",
    changes: () => ({ snippet: [["proxy_pass http:", "proxy_pass https:"]] }),
    status: 502,
    refusal: "tls-on-plain-port",
  },
  {
    heading: "nginx: ws: to the port for wss:",
    url: ({ securePort }) => `ws://127.0.0.1:${securePort}/`,
    status: 400,
  },
  {
    heading: "nginx: large cookies",
    changes: () => ({ site: [[/ *large_client_header_buffers 4 16k;\n/g, ""]] }),
    client: { headers: COOKIES },
    status: 400,
  },
];

for (const each of mistakes) mistake(nginx, each);
commonMistakes(nginx);

for (const encrypted of [false, true]) {
  const scheme = encrypted ? "wss" : "ws";
  proxyTest(nginx, `${scheme}: large cookies pass, and the server says what is too much`, async () => {
    await using setting = await Setting.begin(nginx, { encrypted });
    const [client] = await setting.open({ headers: COOKIES });
    await assertEchoes(client);
    const headers = { ...COOKIES, "x-more": "m".repeat(10_000) };
    const error = await failure(setting.url, trusting({ headers }));
    assert.equal(error.status, 431);
    assert.match(error.message, /\(headers-too-large; /);
  });
}

proxyTest(nginx, "what is appended to X-Forwarded-For lets the client say who it is", async () => {
  const seen: (string | null)[] = [];
  await using setting = await Setting.begin(nginx, {
    server: { upgrade: ({ headers }) => void seen.push(headers.get("x-forwarded-for")) },
    changes: { snippet: [["X-Forwarded-For $remote_addr", "X-Forwarded-For $proxy_add_x_forwarded_for"]] },
  });
  await setting.open({ headers: { "x-forwarded-for": "203.0.113.7" } });
  assert.deepEqual(seen, ["203.0.113.7, 127.0.0.1"]);
});

proxyTest(nginx, documented("The proxy redirects to https:"), async () => {
  await using backend = await Backend.listen();
  const options = { upstreams: [backend.address] };
  await using front = await nginx.start(options);
  // Only the first location, which is that of the plain port.
  const redirect = `return 301 https://$host:${front.securePort}$request_uri;`;
  await front.reload({
    ...options,
    changes: { site: [[/include snippets\/woshou\.conf;/, redirect]] },
  });
  const error = await failure(urlOf(front, false), trusting());
  assert.equal(error.status, 301);
  assertDocumented("The proxy redirects to https:", asDocumented(error.message));
  const socket = await connect(urlOf(front, false), trusting({ redirects: 1 }));
  await assertEchoes(socket);
  await socket.close();
});

proxyTest(nginx, documented("nginx: a path that is cut off"), async () => {
  const server = createServer();
  const accept = acceptor({ path: "/chat" }, { message: (socket, message) => socket.send(message) });
  server.on("upgrade", accept);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const upstreams = [`127.0.0.1:${(server.address() as AddressInfo).port}`];
  await using front = await nginx.start({
    upstreams,
    changes: {
      site: [["location / {", "location /chat {"]],
      snippet: [["proxy_pass http://woshou;", "proxy_pass http://woshou/;"]],
    },
  });
  const url = `${urlOf(front, false)}chat`;
  const error = await failure(url);
  assert.equal(error.status, 404);
  assertDocumented("nginx: a path that is cut off", error.message);
  await front.reload({ upstreams, changes: { site: [["location / {", "location /chat {"]] } });
  const socket = await connect(url);
  await assertEchoes(socket);
  await socket.close();
  await accept.shutdown();
  server.close();
  await once(server, "close");
});

proxyTest(nginx, documented("nginx: worker_connections are not enough"), async () => {
  await using setting = await Setting.begin(nginx, {
    changes: {
      main: [
        ["worker_processes 2", "worker_processes 1"],
        ["worker_connections 512", "worker_connections 8"],
      ],
    },
  });
  const heading = "nginx: worker_connections are not enough";
  const sockets = [];
  for (;;) {
    try {
      sockets.push(await connect(setting.url));
    } catch (error) {
      assertDocumented(heading, (error as Error).message);
      break;
    }
  }
  assert.ok(sockets.length > 0 && sockets.length < 8, String(sockets.length));
  await setting.front.process.until(/8 worker_connections are not enough/);
  await assertEchoes(sockets[0]!);
});
