/** Each program of docs/MOUNTING.md, on the runtimes that it names: sign-in by POST, a WebSocket, a broadcast, SIGTERM. */
import assert from "node:assert/strict";
import { on, once } from "node:events";
import { readFileSync } from "node:fs";
import { type IncomingMessage, request as http } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { request as https } from "node:https";
import { join } from "node:path";
import process from "node:process";
import { connect, type Connection, HandshakeError } from "../../mod.ts";
import { projectRoot, tls } from "../fixtures.ts";
import { runtime, skip, test } from "../harness.ts";

process.env["TLS_CERT"] = join(projectRoot, "tests", "fixtures", "tls", "localhost.pem");
process.env["TLS_KEY"] = join(projectRoot, "tests", "fixtures", "tls", "localhost.key");
const page = readFileSync(join(projectRoot, "docs", "MOUNTING.md"), "utf8");

interface Program {
  readonly title: string;
  readonly runtimes: string;
  readonly module: string;
}

/** The sections that have a program. */
function programs(): Program[] {
  let number = 0;
  return page.split(/^## /m).slice(1).flatMap((section) => {
    const count = section.match(/^```ts/gm)?.length ?? 0;
    if (count === 0) return [];
    assert.equal(count, 1, "a section has one program");
    number++;
    return [{
      title: section.slice(0, section.indexOf("\n")),
      runtimes: /^Runs on: ([A-Za-z, ]+)\./m.exec(section)?.[1] ?? "",
      module: `docs_MOUNTING_md_${number}.${runtime === "node" ? "js" : "ts"}`,
    }];
  });
}

async function next(socket: Connection): Promise<unknown> {
  for await (const message of socket) return message;
  return undefined;
}

interface Place {
  readonly port: number;
  readonly secure: boolean;
}

/** Runs a program, and gives the place that it prints. */
async function started(module: string): Promise<Place> {
  const log = console.log;
  try {
    return await new Promise<Place>((resolve, reject) => {
      console.log = (line: string) => {
        const [, scheme, port] = /(\w+):\/\/.*:(\d+)\/?$/.exec(line) ?? [];
        if (port !== undefined) resolve({ port: Number(port), secure: scheme === "https" });
      };
      import(`../examples/generated/${module}`).catch(reject);
    });
  } finally {
    console.log = log;
  }
}

/** Asks, and gives the response. `fetch` cannot be told on each runtime which authority to trust. */
async function ask({ port, secure }: Place, path: string, form?: string): Promise<IncomingMessage> {
  const options = {
    port,
    path,
    host: "127.0.0.1",
    ca: tls.ca,
    agent: false as const,
    method: form === undefined ? "GET" : "POST",
    headers: {
      connection: "close",
      ...(form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
    },
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = secure ? https(options, resolve) : http(options, resolve);
    request.on("error", reject);
    request.end(form);
  });
  response.resume();
  return response;
}

async function signIn(place: Place, name: string): Promise<string> {
  const { statusCode, headers } = await ask(place, "/login", String(new URLSearchParams({ name })));
  assert.ok(statusCode === 302 || statusCode === 303, String(statusCode));
  return headers["set-cookie"]![0]!.split(";")[0]!;
}

/** What one gets who opens a WebSocket over HTTP/2 and only listens: texts, and at last the code of a Close frame. */
async function listenOverHttp2(
  { port }: Place,
  cookie: string,
): Promise<{ next(): Promise<string | number> }> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: tls.ca });
  await once(session, "remoteSettings");
  const stream = session.request({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "https",
    ":path": "/chat",
    ":authority": `127.0.0.1:${port}`,
    "sec-websocket-version": "13",
    cookie,
  }, { endStream: false });
  const [headers] = await once(stream, "response") as [{ ":status"?: number }];
  assert.equal(headers[":status"], 200);
  const frames = on(stream, "data");
  return {
    async next() {
      const [frame] = (await frames.next()).value as [Buffer];
      if (frame[0] !== 0x88) return frame.toString("utf8", 2);
      const closed = once(stream, "close");
      stream.write(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
      await closed;
      session.close();
      return frame.readUInt16BE(2);
    },
  };
}

const RUNTIME = { node: "Node", deno: "Deno", bun: "Bun" }[runtime];
const found = programs();

test("docs/MOUNTING.md has its programs, each with its runtimes", () => {
  assert.ok(found.length >= 7);
  for (const { title, runtimes } of found) {
    assert.match(runtimes, /^(Node|Deno|Bun)(, (Node|Deno|Bun))*$/, title);
  }
});

for (const { title, runtimes, module } of found) {
  const name = `docs/MOUNTING.md, ${title}: sign-in, WebSocket, broadcast, graceful shutdown`;
  if (!runtimes.includes(RUNTIME)) skip(name, `it runs on ${runtimes}`);
  else {
    test(name, async () => {
      const place = await started(module);
      const url = `${place.secure ? "wss" : "ws"}://127.0.0.1:${place.port}/chat`;
      const options = { tls: { ca: tls.ca } };
      await assert.rejects(
        connect(url, options),
        (error) => error instanceof HandshakeError && error.status === 401,
      );
      const sockets = [];
      for (const user of ["ada", "bob"]) {
        sockets.push(await connect(url, { ...options, headers: { cookie: await signIn(place, user) } }));
      }
      const third = place.secure ? await listenOverHttp2(place, await signIn(place, "eve")) : undefined;
      if (title === "Vite") {
        const own = await connect(url.replace("/chat", "/"), { protocols: ["vite-hmr"] });
        assert.equal(JSON.parse(String(await next(own))).type, "connected");
        await own.close();
      }
      sockets[0]!.send("hi");
      assert.deepEqual(await Promise.all(sockets.map(next)), ["ada: hi", "ada: hi"]);
      if (third !== undefined) assert.equal(await third.next(), "ada: hi");
      process.emit("SIGTERM");
      for (const socket of sockets) assert.equal((await socket.closed).code, 1001);
      if (third !== undefined) assert.equal(await third.next(), 1001);
      await assert.rejects(async () => {
        // The port may close a moment after the connections.
        for (let i = 0; i < 100; i++) await ask(place, "/");
      });
    }, { leaks: "frameworks keep timers, and a program its signal handler" });
  }
}
