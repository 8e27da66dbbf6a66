/** Java's HttpClient, whose ordinary requests offer h2c by the way, gets its page; its WebSocket opens on the same port. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { acceptor, type ConnectionHandler, serve } from "../../mod.ts";
import { projectRoot } from "../fixtures.ts";
import { skip, test } from "../harness.ts";

const program = join(projectRoot, "tests", "interop", "peers", "JavaClient.java");
const hasJava = spawnSync("javac", ["-version"]).status === 0;
const echo: ConnectionHandler = { message: (socket, message) => socket.send(message) };

async function application(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = "";
  for await (const chunk of request) body += new TextDecoder().decode(chunk as Uint8Array);
  response.end(`${request.method} ${body} ${request.headers.upgrade ?? "-"}`);
}

function javaTest(name: string, run: () => Promise<void>): void {
  const title = `Java's HttpClient and its WebSocket: ${name}`;
  if (hasJava) test(title, run);
  else skip(title, "there is no Java compiler; Debian's package is default-jdk-headless");
}

async function assertAnswered(port: number): Promise<void> {
  const lines = await new Promise<string[]>((resolve, reject) => {
    execFile("java", [program, `http://127.0.0.1:${port}/chat`], (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trim().split("\n"));
      else reject(new Error(`${error.message} ${stderr}`));
    });
  });
  assert.deepEqual(lines.map((line) => line.replace(/ h2c$/, " -")), [
    "HTTP_1_1 200 GET  -",
    "HTTP_1_1 200 POST hello -",
    "HTTP_1_1 200 GET  -",
    "message 握手",
    "closed 1000",
  ]);
}

javaTest("serve({ http })", async () => {
  const http = (request: IncomingMessage, response: ServerResponse): void =>
    void application(request, response);
  const server = await serve({ port: 0, http }, echo);
  await assertAnswered(server.port);
  await server.shutdown();
});

javaTest("serve({ fetch })", async () => {
  const fetch = async (request: Request): Promise<Response> =>
    new Response(`${request.method} ${await request.text()} -`);
  const server = await serve({ port: 0, fetch }, echo);
  await assertAnswered(server.port);
  await server.shutdown();
});

javaTest("an acceptor on the application's own server", async () => {
  const accept = acceptor({ path: "/chat" }, echo);
  const server = createServer((request, response) => void application(request, response));
  server.on("upgrade", accept);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await assertAnswered((server.address() as { port: number }).port);
  await accept.shutdown();
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections?.();
  await closed;
});
