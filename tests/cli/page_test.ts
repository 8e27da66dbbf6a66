import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { HandshakeLog } from "../../src/cli/handshake_log.ts";
import { pageFetch } from "../../src/cli/page.ts";
import { PAGE_HTML } from "../../src/cli/page_html.ts";
import type { HandshakeReport } from "../../src/server/options.ts";
import { refuse } from "../../src/handshake/refusal.ts";
import { ServerHandshake } from "../../src/handshake/server_handshake.ts";
import { test } from "../harness.ts";
import { request } from "../raw_peer.ts";

const ID = "0123456789abcdef0123456789abcdef";

function report(target: string): HandshakeReport {
  const text = request({}, `GET ${target} HTTP/1.1`);
  const handshake = new ServerHandshake({ maxHeadSize: 4096, maxHeaders: 20 });
  const judgement = handshake.receive(new TextEncoder().encode(text))?.judgement;
  assert.ok(judgement?.kind === "opening");
  return { remoteAddress: "127.0.0.1", request: judgement.request.head, response: "HTTP/1.1 …\r\n\r\n" };
}

function idOf(number: number): string {
  return number.toString(16).padStart(32, "0");
}

test("RFC 6455, section 1.3: the log shows each step from the key to the accept", () => {
  const log = new HandshakeLog();
  log.add(report(`/?page=${ID}`));
  assert.deepEqual(log.find(ID), {
    outcome: "accepted",
    steps: {
      key: "dGhlIHNhbXBsZSBub25jZQ==",
      guid: "258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
      sha1: "b37a4f2cc0624f1690f64606cf385945b2bec4ea",
      accept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    },
    request: request({}, `GET /?page=${ID} HTTP/1.1`),
    response: "HTTP/1.1 …\r\n\r\n",
  });
});

test("log: a refusal is kept with its reason, and in place of an earlier handshake of that id", () => {
  const log = new HandshakeLog();
  log.add(report(`/?page=${ID}`));
  log.add(report(`/?page=${ID}`), refuse("origin-not-allowed"));
  const record = log.find(ID);
  assert.equal(record?.outcome, "refused");
  assert.equal(record?.steps, undefined);
  assert.deepEqual(Object.keys(record?.refusal ?? {}), ["code", "status", "section", "message"]);
});

test("log: only the page's own ids are kept", () => {
  const log = new HandshakeLog();
  for (const id of ["", "1", ID.toUpperCase(), `${ID}0`, "__proto__"]) {
    log.add(report(`/?page=${id}`));
    assert.equal(log.find(id), undefined);
  }
  log.add(report(`/?notpage=${ID}`));
  log.add({ remoteAddress: "", request: undefined, response: "" }, refuse("not-http"));
  assert.equal(log.find(ID), undefined);
});

test("log: it is bounded, and the oldest makes room", () => {
  const log = new HandshakeLog(3);
  for (let i = 0; i < 3; i++) log.add(report(`/?page=${idOf(i)}`));
  log.add(report(`/?page=${idOf(0)}`));
  log.add(report(`/?page=${idOf(3)}`));
  assert.deepEqual([0, 1, 2, 3].map((i) => log.find(idOf(i)) !== undefined), [true, false, true, true]);
});

async function ask(path: string, accept: string | undefined, log = new HandshakeLog()): Promise<Response> {
  const headers = accept === undefined ? {} : { accept };
  return (await pageFetch(log))(new Request(`http://localhost:8000${path}`, { headers }));
}

test("page: it is served to who takes HTML, and to nobody else", async () => {
  for (const accept of ["text/html", "*/*", "text/plain;q=0.5, Text/HTML;q=0.9", "image/webp,*/*;q=0.8"]) {
    const response = await ask("/", accept);
    assert.equal(response.status, 200, accept);
    assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
    assert.equal(await response.text(), PAGE_HTML);
  }
  for (const accept of [undefined, "", "application/json", "image/webp", "text/htmlx"]) {
    for (const path of ["/", "/elsewhere"]) {
      if (accept === "application/json" && path !== "/") continue;
      const response = await ask(path, accept);
      assert.equal(response.status, 426, `${path} ${accept}`);
      assert.equal(response.headers.get("upgrade"), "websocket");
      assert.match(await response.text(), /not-a-websocket-request/);
    }
  }
});

test("page: the plain refusal is JSON for who takes JSON", async () => {
  const response = await ask("/", "application/json");
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.equal((await response.json()).code, "not-a-websocket-request");
});

test("page: a handshake is told to who knows its id", async () => {
  const log = new HandshakeLog();
  log.add(report(`/?page=${ID}`));
  const response = await ask(`/handshake?page=${ID}`, "application/json", log);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(response.headers.get("access-control-allow-origin"), null);
  assert.deepEqual(await response.json(), log.find(ID));
  for (const path of ["/handshake", `/handshake?page=${idOf(1)}`]) {
    const missing = await ask(path, "*/*", log);
    assert.equal(missing.status, 404);
    assert.match((await missing.json()).message, /on record/);
  }
});

test("page: other paths lead nowhere", async () => {
  for (const path of ["/favicon.ico", "//", "/handshake/", "/index.html"]) {
    const response = await ask(path, "*/*");
    assert.equal(response.status, 404, path);
    assert.match(await response.text(), /the page is at \//);
  }
});

test("page: its policy admits its own script and style, by their hashes, and no others", async () => {
  const { headers } = await ask("/", "text/html");
  const policy = headers.get("content-security-policy") ?? "";
  for (const name of ["script", "style"]) {
    const [found, ...others] = PAGE_HTML.matchAll(new RegExp(`<${name}[^>]*>([^]*?)</${name}>`, "g"));
    assert.equal(others.length, 0);
    const hash = createHash("sha256").update(found?.[1] ?? "").digest("base64");
    assert.ok(policy.includes(`${name}-src 'sha256-${hash}'`), policy);
  }
  for (const part of ["default-src 'none'", "connect-src 'self' ws: wss:", "frame-ancestors 'none'"]) {
    assert.ok(policy.includes(part), policy);
  }
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  assert.equal(headers.get("referrer-policy"), "no-referrer");
  assert.doesNotMatch(PAGE_HTML, /\s(?:src|on[a-z]+|style)\s*=|@import|url\(/);
});
