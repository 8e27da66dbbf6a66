/** Each program of docs/MOUNTING.md, on the runtimes that it names: sign-in by POST, a WebSocket, a broadcast, SIGTERM. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { connect, type Connection, HandshakeError } from "../../mod.ts";
import { projectRoot } from "../fixtures.ts";
import { runtime, skip, test } from "../harness.ts";

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

/** Runs a program, and gives the port that it prints. */
async function started(module: string): Promise<number> {
  const log = console.log;
  try {
    return await new Promise<number>((resolve, reject) => {
      console.log = (line: string) => {
        const port = /:(\d+)\/?$/.exec(line)?.[1];
        if (port !== undefined) resolve(Number(port));
      };
      import(`../examples/generated/${module}`).catch(reject);
    });
  } finally {
    console.log = log;
  }
}

async function signIn(port: number, name: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/login`, {
    method: "POST",
    body: new URLSearchParams({ name }),
    redirect: "manual",
    headers: { connection: "close" },
  });
  await response.body?.cancel();
  assert.ok(response.status === 302 || response.status === 303, String(response.status));
  return response.headers.get("set-cookie")!.split(";")[0]!;
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
      const port = await started(module);
      const url = `ws://127.0.0.1:${port}/chat`;
      await assert.rejects(connect(url), (error) => error instanceof HandshakeError && error.status === 401);
      const sockets = [];
      for (const user of ["ada", "bob"]) {
        sockets.push(await connect(url, { headers: { cookie: await signIn(port, user) } }));
      }
      sockets[0]!.send("hi");
      assert.deepEqual(await Promise.all(sockets.map(next)), ["ada: hi", "ada: hi"]);
      process.emit("SIGTERM");
      for (const socket of sockets) assert.equal((await socket.closed).code, 1001);
      await assert.rejects(async () => {
        // The port may close a moment after the connections.
        for (let i = 0; i < 100; i++) {
          await (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } })).body
            ?.cancel();
        }
      });
    }, { leaks: "frameworks keep timers, and a program its signal handler" });
  }
}
