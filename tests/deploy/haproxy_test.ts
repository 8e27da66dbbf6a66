/** HAProxy before the server, with the configuration that docs/deploy publishes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { connect } from "../../mod.ts";
import { skip } from "../harness.ts";
import { Backend, health } from "./backend.ts";
import { haproxy, isRoot } from "./fronts.ts";
import { operations } from "./operations.ts";
import { pairBehind } from "./pair.ts";
import { Folder } from "./proxy_process.ts";
import { scenarios } from "./scenarios.ts";
import { assertEchoes, proxyTest, Setting, urlOf } from "./setting.ts";

scenarios(haproxy);
operations(haproxy);

proxyTest(
  haproxy,
  "a process whose health check says 503 gets no handshakes, and keeps its connections",
  async () => {
    let draining = false;
    await using pair = await pairBehind(
      haproxy,
      (request) => draining ? new Response("draining\n", { status: 503 }) : health(request),
    );
    const old = await connect(pair.url);
    assert.equal(pair.first.server.connections.size, 1);
    draining = true;
    await pair.front.process.until(/Server woshou\/first is DOWN, reason: Layer7 .* code: 503/);
    for (let count = 0; count < 4; count++) await assertEchoes(await connect(pair.url));
    assert.deepEqual([pair.first, pair.second].map(({ server }) => server.connections.size), [1, 4]);
    await assertEchoes(old);
    draining = false;
    await pair.front.process.until(/Server woshou\/first is UP/);
    await assertEchoes(await connect(pair.url));
    assert.deepEqual([pair.first, pair.second].map(({ server }) => server.connections.size), [2, 4]);
    assert.deepEqual(pair.first.refusals, []);
  },
);

for (const option of ["httpclose", "http-server-close", "http-keep-alive"]) {
  proxyTest(haproxy, `option ${option} does not keep a WebSocket from opening`, async () => {
    const changes = {
      site: [["    option httplog\n", `    option httplog\n    option ${option}\n`] as const],
    };
    await using setting = await Setting.begin(haproxy, { changes });
    const [client] = await setting.open();
    await assertEchoes(client);
    assert.equal((await client.close()).wasClean, true);
  });
}

const rooted = "HAProxy in a chroot, as Debian has it, finds a Unix socket below that";
if (haproxy.program !== undefined && !isRoot()) skip(rooted, "only root may change the root");
else {
  proxyTest(haproxy, rooted, async () => {
    using folder = new Folder();
    await using backend = await Backend.listen({ unix: join(folder.path, "server.sock") });
    const chroot = folder.path;
    await using front = await haproxy.start({ upstreams: ["/server.sock"], by: "unix-socket", chroot });
    const client = await connect(urlOf(front, false));
    await assertEchoes(client);
    assert.equal(backend.server.connections.size, 1);
    await client.close();
  });
}
