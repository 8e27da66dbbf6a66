/** What docs/deploy says of the server itself, without any proxy. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { serve, TransportError } from "../../mod.ts";
import { test } from "../harness.ts";
import { exchange } from "../raw_peer.ts";
import { Backend } from "./backend.ts";
import { stubborn } from "./pair.ts";
import { Folder } from "./proxy_process.ts";

test("health checks are answered while the server is shutting down: the application says when to stop", async () => {
  await using backend = await Backend.listen({ closeTimeout: 60_000 });
  const { server } = backend;
  const peer = await stubborn(server.port);
  const shutDown = server.shutdown();
  const response = await exchange(server.port, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assert.match(response, /^HTTP\/1\.1 200 OK\r\n/);
  await peer.destroy();
  await shutDown;
});

test("a file where a Unix socket is to be, as a killed process leaves it, is an address in use", async () => {
  using folder = new Folder();
  const path = folder.write("server.sock", "");
  assert.equal(path, join(folder.path, "server.sock"));
  await assert.rejects(
    serve({ unix: path }, {}),
    (error) => error instanceof TransportError && error.code === "address-in-use",
  );
  rmSync(path);
  await (await serve({ unix: path }, {})).shutdown();
});
