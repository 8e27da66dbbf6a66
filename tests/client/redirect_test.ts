/** Redirects: followed only when asked for, never to less safety, and never with what is secret to another origin. */
import assert from "node:assert/strict";
import { connect, type ConnectOptions } from "../../mod.ts";
import { acceptKey } from "../../src/handshake/accept_key.ts";
import { describeLocation, Redirects } from "../../src/client/redirect.ts";
import { readUrl } from "../../src/client/url.ts";
import { HeaderFields } from "../../src/http/header_fields.ts";
import { echoServer, failure, greet } from "./support.ts";
import { tls } from "../fixtures.ts";
import { test } from "../harness.ts";
import { RawServer } from "../raw_peer.ts";

/** A server that answers each path with what the test says, and accepts where that is nothing. */
async function site(
  answers: Record<string, string | undefined>,
): Promise<RawServer & { requests: string[]; url: string }> {
  const requests: string[] = [];
  const server = await RawServer.listen(async (peer) => {
    const request = await peer.until("\r\n\r\n");
    requests.push(request);
    const answer = answers[request.split(" ")[1]!];
    if (answer !== undefined) return peer.write(answer);
    const key = /^Sec-WebSocket-Key: (.*)\r$/m.exec(request)![1]!;
    peer.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${acceptKey(key)}\r\n\r\n`,
    );
  });
  return Object.assign(server, { requests, url: `ws://127.0.0.1:${server.port}` });
}

const to = (location: string, status = 302): string =>
  `HTTP/1.1 ${status} Elsewhere\r\nLocation: ${location}\r\n\r\n`;

const linesOf = (request: string): string[] => request.toLowerCase().split("\r\n");

async function opened(url: string, options: ConnectOptions): Promise<void> {
  const socket = await connect(url, options);
  socket.abort();
  await socket.closed;
}

test("a redirect is not followed unless the option says so, and the error names both", async () => {
  await using server = await site({ "/a": to("/b") });
  const error = await failure(`${server.url}/a`);
  assert.deepEqual([error.step, error.reason, error.status], ["response", "unexpected-status", 302]);
  assert.match(error.message, /answered 302 Elsewhere.* It redirects to \/b: .* option redirects\.$/);
  assert.equal(server.requests.length, 1);
});

for (const status of [301, 302, 303, 307, 308]) {
  test(`RFC 9110, section 15.4: ${status} is followed, with GET, the same headers and a new key`, async () => {
    await using server = await site({ "/dir/a?x=1": to("../b?y=2#part", status) });
    await opened(`${server.url}/dir/a?x=1`, {
      redirects: 1,
      protocols: [],
      headers: { authorization: "Bearer t", "x-trace": "7" },
    });
    const [first, second] = server.requests.map(linesOf);
    assert.equal(second![0], "get /b?y=2 http/1.1");
    for (const line of ["authorization: bearer t", "x-trace: 7", `host: 127.0.0.1:${server.port}`]) {
      assert.ok(second!.includes(line), line);
    }
    const key = (lines: string[] | undefined): string | undefined =>
      lines!.find((line) => line.startsWith("sec-websocket-key"));
    assert.notEqual(key(first), key(second));
  });
}

for (const status of [300, 304, 305, 306]) {
  test(`RFC 9110, section 15.4: ${status} is no redirect to follow`, async () => {
    await using server = await site({ "/a": to("/b", status) + "" });
    assert.equal((await failure(`${server.url}/a`, { redirects: 5 })).reason, "unexpected-status");
    assert.equal(server.requests.length, 1);
  });
}

test("a Location may name ws:, http: and be relative to its scheme", async () => {
  await using server = await site({ "/a": undefined });
  const { port } = server;
  for (
    const location of [`ws://127.0.0.1:${port}/a`, `http://127.0.0.1:${port}/a`, `//127.0.0.1:${port}/a`]
  ) {
    await using first = await site({ "/": to(location) });
    await opened(first.url, { redirects: 1 });
  }
  assert.equal(server.requests.length, 3);
});

test("no header of the caller's goes to another origin, nor comes back with a redirect to the first", async () => {
  const answers: Record<string, string | undefined> = {};
  await using home = await site(answers);
  await using other = await site({ "/b": to(`${home.url}/c`) });
  answers["/a"] = to(`${other.url}/b`);
  await opened(`${home.url}/a`, {
    redirects: 2,
    protocols: [],
    headers: { authorization: "Bearer t", cookie: "id=7", "proxy-authorization": "x", "x-api-key": "k" },
  });
  assert.equal(
    linesOf(home.requests[0]!).filter((line) => /^(authorization|cookie|proxy-|x-api)/.test(line)).length,
    4,
  );
  for (const request of [other.requests[0]!, home.requests[1]!]) {
    assert.doesNotMatch(request, /authorization|cookie|x-api-key/i);
  }
});

test("an origin is scheme, host and port: any of them that differs keeps secrets back", () => {
  const head = (location: string): Parameters<Redirects["next"]>[1] => {
    const headers = new HeaderFields();
    headers.append("location", location);
    return { status: 302, reason: "", minorVersion: 1, headers, text: "" };
  };
  const headers = [["authorization", "Bearer t"]] as const;
  const secrets = { ca: tls.ca, cert: tls.cert, key: tls.key, serverName: "a.example" };
  const cases: [from: string, location: string, same: boolean][] = [
    ["wss://a.example/", "wss://a.example:443/b", true],
    ["wss://a.example/", "https://A.EXAMPLE/b", true],
    ["wss://a.example/", "wss://a.example:444/b", false],
    ["wss://a.example/", "wss://b.a.example/b", false],
    ["ws://a.example/", "wss://a.example/b", false],
    ["ws://a.example/", "//a.example./b", false],
  ];
  for (const [from, location, same] of cases) {
    const hop = new Redirects(1).next({ url: readUrl(from), headers, tls: secrets }, head(location));
    assert.deepEqual(hop.headers, same ? headers : [], location);
    assert.deepEqual(hop.tls, same ? secrets : { ca: tls.ca }, location);
  }
});

test("from ws: to wss: is followed, with the caller's authorities", async () => {
  const secure = await echoServer(true);
  await using server = await site({ "/": to(secure.url) });
  await greet(server.url, { redirects: 1, tls: { ca: tls.ca } });
  await secure.shutdown();
});

test("from wss: to ws: is never followed", async () => {
  await using plain = await site({});
  const { serve } = await import("../../mod.ts");
  const secure = await serve({
    port: 0,
    tls,
    upgrade: () => new Response(null, { status: 307, headers: { location: `${plain.url}/` } }),
  }, {});
  for (const redirects of [1, 10]) {
    const error = await failure(secure.url, { redirects, tls: { ca: tls.ca } });
    assert.deepEqual([error.step, error.reason, error.status], ["response", "redirect-insecure", 307]);
  }
  assert.equal(plain.requests.length, 0);
  await secure.shutdown();
});

test("loops and too many redirects have reasons of their own", async () => {
  await using loop = await site({ "/a": to("/b"), "/b": to("/a") });
  assert.equal((await failure(`${loop.url}/a`, { redirects: 10 })).reason, "redirect-loop");
  assert.equal(loop.requests.length, 2);
  await using self = await site({ "/a": to("/a#part") });
  assert.equal((await failure(`${self.url}/a`, { redirects: 10 })).reason, "redirect-loop");
  await using chain = await site({ "/0": to("/1"), "/1": to("/2"), "/2": to("/3") });
  const error = await failure(`${chain.url}/0`, { redirects: 2 });
  assert.equal(error.reason, "redirect-limit");
  assert.match(error.message, /after 2 redirects \(option redirects\)/);
  assert.equal(chain.requests.length, 3);
  await opened(`${chain.url}/0`, { redirects: 3 });
});

test("a Location that no WebSocket can be at, that is missing or that stands twice fails", async () => {
  const wrong = [
    to("ftp://a.example/"),
    to("http://user:secret@127.0.0.1/"),
    to("ws://[::1"),
    "HTTP/1.1 302 Found\r\n\r\n",
    "HTTP/1.1 302 Found\r\nLocation: /b\r\nLocation: /c\r\n\r\n",
  ];
  for (const answer of wrong) {
    await using server = await site({ "/a": answer });
    const error = await failure(`${server.url}/a`, { redirects: 5 });
    assert.deepEqual([error.reason, error.status], ["redirect-invalid", 302], answer);
    assert.equal(server.requests.length, 1);
  }
});

test("a Location is told without its user and its query, however the URL Standard lets them be written", () => {
  const rows: [location: string, told: string][] = [
    ["https://user:secret@h/x", "https://h/x"],
    ["https:\\\\user:secret@h/x", "https:\\\\h/x"],
    ["https:/\\user:secret@h\\x", "https:/\\h\\x"],
    ["https:user:secret@h/x", "https:h/x"],
    ["https:/user:secret@h/x", "https:/h/x"],
    ["wss:///\\user:secret@h/x", "wss:///\\h/x"],
    ["HTTPS:/\t/us\ter:sec@ret@h/x", "HTTPS://h/x"],
    ["ht\ttps\t:user:secret@h", "https:h"],
    ["//user:secret@h/x?secret", "//h/x?..."],
    ["\\/user:secret@h/x#secret", "\\/h/x?..."],
    ["/to/https://user:secret@h/x", "/to/https://h/x"],
    ["/@user/x", "/@user/x"],
    ["https://h/@user/a:b@c", "https://h/@user/a:b@c"],
    ["https://h:8080/x?user:secret@h", "https://h:8080/x?..."],
  ];
  for (const [location, told] of rows) assert.equal(describeLocation(location), told);
  const from = performance.now();
  for (const part of ["/", "//", "@", "a:", "\\a", ":@"]) describeLocation(part.repeat(50_000) + "\n");
  assert.ok(performance.now() - from < 1000, "in linear time");
});

test("a user that stands behind backslashes, or behind the scheme alone, is in no error", async () => {
  for (const start of ["https:\\\\", "https:", "http:/\\", "\\\\"]) {
    const answer = to(`${start}user:secret@127.0.0.1:1/x`).replace(
      "Location",
      "Content-Length: 0\r\nLocation",
    );
    await using server = await site({ "/a": answer });
    for (const redirects of [0, 1]) {
      const { message } = await failure(`${server.url}/a`, { redirects });
      assert.match(message, /redirects.* to .*127\.0\.0\.1:1\/x/);
      assert.doesNotMatch(message, /user|secret/);
    }
  }
});

test("every hop shares the one deadline and the one signal", async () => {
  await using server = await site({ "/a": to("/b"), "/b": "" });
  const error = await failure(`${server.url}/a`, { redirects: 1, handshakeTimeout: 300 });
  assert.deepEqual([error.reason, error.step], ["timed-out", "response"]);
  assert.equal(server.requests.length, 2);
  const controller = new AbortController();
  const reason = new Error("changed my mind");
  await using silent = await RawServer.listen((peer) => {
    void peer.until("\r\n\r\n").then(() => controller.abort(reason));
  });
  await using first = await site({ "/": to(`ws://127.0.0.1:${silent.port}/`) });
  await assert.rejects(connect(first.url, { redirects: 1, signal: controller.signal }), reason);
});

test("redirects and a Unix socket do not go together, nor does a number that is none", async () => {
  await assert.rejects(connect("ws://localhost/", { redirects: 1, unix: "/nowhere" }), TypeError);
  await assert.rejects(connect("ws://localhost/", { redirects: -1 }), RangeError);
});

test("a Location with raw UTF-8 leads where it says, and is told as that", async () => {
  const latin1 = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text));
  await using server = await site({ "/a": to(latin1("/h\u00e9llo/\u63e1\u624b?x=\u00fc")) });
  await opened(`${server.url}/a`, { redirects: 1 });
  assert.match(server.requests[1]!, /^GET \/h%C3%A9llo\/%E6%8F%A1%E6%89%8B\?x=%C3%BC HTTP/);
  await using other = await site({ "/a": to("/caf\u00e9") });
  await opened(`${other.url}/a`, { redirects: 1 });
  assert.match(other.requests[1]!, /^GET \/caf%C3%A9 HTTP/, "what is no UTF-8 is Latin-1");
  assert.match(
    (await failure(`${server.url}/a`)).message,
    /redirects to \/h\u00e9llo\/\u63e1\u624b\?\.\.\.:/,
  );
});
