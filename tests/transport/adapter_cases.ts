/** Dialling and listening: addresses, refusals and signals. */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skip } from "../harness.ts";
import { tls } from "../fixtures.ts";
import type { Adapter } from "../../src/transport/transport.ts";
import { failsWith, foreignServer, HOST, ipv6, Scene } from "./scene.ts";
import type { Recorder } from "./recorder.ts";
import { hasUnixSockets, type NamedAdapter } from "./subjects.ts";
import { limitedTest, turns } from "./support.ts";

/** Registers one case for one adapter. */
export function adapterTest(
  named: NamedAdapter,
  name: string,
  fn: (scene: Scene, adapter: Adapter) => Promise<void>,
): void {
  const title = `${named.name}: ${name}`;
  const fault = named.missing ?? named.faults?.[name];
  if (fault !== undefined) return skip(title, fault);
  limitedTest(title, async () => {
    const adapter = await named.load();
    const scene = new Scene(adapter);
    try {
      await fn(scene, adapter);
    } finally {
      await scene.finish();
    }
  });
}

function failureCases(named: NamedAdapter): void {
  adapterTest(named, "connection refused", async (scene, adapter) => {
    const listener = await scene.listen();
    await listener.close();
    await failsWith("connection-refused", adapter.connect({ hostname: HOST, port: listener.port }));
    const options = { hostname: HOST, port: listener.port, tls: { ca: tls.ca } };
    await failsWith("connection-refused", adapter.connect(options));
  });

  adapterTest(named, "host not found", async (_, adapter) => {
    await failsWith("host-not-found", adapter.connect({ hostname: "nobody.invalid", port: 80 }));
    await failsWith("host-not-found", adapter.connect({ hostname: "nobody.invalid", port: 443, tls: {} }));
  });

  adapterTest(named, "address in use", async (scene) => {
    const listener = await scene.listen();
    await failsWith("address-in-use", scene.listen({ hostname: HOST, port: listener.port }));
    const secure = { hostname: HOST, port: listener.port, tls: { cert: tls.cert, key: tls.key } };
    await failsWith("address-in-use", scene.listen(secure));
  });

  adapterTest(named, "a reset while the connection is made is an error, or ends it", async (scene) => {
    const foreign = await foreignServer((socket) => socket.destroy());
    try {
      const client = await scene.connect({ hostname: HOST, port: foreign.port });
      client.closeWrite();
      await client.until(() => client.closed);
      await failsWith(
        "connection-reset",
        scene.connect({ hostname: HOST, port: foreign.port, tls: { ca: tls.ca } }),
      );
    } finally {
      await foreign.close();
    }
  });
}

function addressCases(named: NamedAdapter): void {
  adapterTest(named, "the listener tells its address, transports their peer's", async (scene) => {
    const listener = await scene.listen();
    equal(listener.hostname, HOST);
    ok(listener.port > 0);
    const client = await scene.connect({ hostname: "localhost", port: listener.port });
    const server = scene.own(await scene.accepted());
    equal(client.transport.remoteAddress, HOST);
    equal(server.transport.remoteAddress, HOST);
    equal(client.transport.encrypted, false);
    client.abort();
    await client.until(() => client.closed);
    equal(client.transport.remoteAddress, HOST);
  });

  const mapped = "an IPv4 peer of an IPv6 listener has a plain address";
  const bracketed = "an IPv6 address may wear brackets";
  if (!ipv6) {
    skip(`${named.name}: ${mapped}`, "this machine has no IPv6");
    skip(`${named.name}: ${bracketed}`, "this machine has no IPv6");
    return;
  }
  adapterTest(named, mapped, async (scene) => {
    const listener = await scene.listen({ hostname: "::", port: 0 });
    const client = await scene.connect({ hostname: HOST, port: listener.port });
    const server = scene.own(await scene.accepted());
    equal(server.transport.remoteAddress, HOST);
    await scene.greet(client, server);
  });
  adapterTest(named, bracketed, async (scene) => {
    const listener = await scene.listen({ hostname: "[::1]", port: 0 });
    equal(listener.hostname, "::1");
    const client = await scene.connect({ hostname: "[::1]", port: listener.port });
    const server = scene.own(await scene.accepted());
    equal(server.transport.remoteAddress, "::1");
    await scene.greet(client, server);
    const secure = await scene.listen({ hostname: "::1", port: 0, tls: { cert: tls.cert, key: tls.key } });
    const dialling = { hostname: "[::1]", port: secure.port, tls: { ca: tls.ca } };
    await scene.greet(await scene.connect(dialling), scene.own(await scene.accepted()));
  });
}

function listenerCases(named: NamedAdapter): void {
  adapterTest(named, "close() frees the port and leaves accepted transports alive", async (scene) => {
    const listener = await scene.listen();
    const client = await scene.connect({ hostname: HOST, port: listener.port });
    const server = scene.own(await scene.accepted());
    await listener.close();
    await listener.close();
    await scene.greet(client, server);
    const again = await scene.listen({ hostname: HOST, port: listener.port });
    equal(again.port, listener.port);
    const second = await scene.connect({ hostname: HOST, port: again.port });
    await scene.greet(second, scene.own(await scene.accepted()));
    await scene.greet(client, server);
  });

  adapterTest(named, "two listeners share a port with reusePort, where the system can", async (scene) => {
    const listener = await scene.listen({ reusePort: true });
    let second;
    try {
      second = await scene.listen({ hostname: HOST, port: listener.port, reusePort: true });
    } catch {
      return; // Node 20 and some systems have no such thing.
    }
    equal(second.port, listener.port);
  });

  adapterTest(
    named,
    "three hundred connections at once, all of which are written to in one go",
    async (scene) => {
      const count = 300;
      const listener = await scene.listen({ backlog: 2 * count });
      const dialling = { hostname: HOST, port: listener.port };
      const clients = await Promise.all(Array.from({ length: count }, () => scene.connect(dialling)));
      const servers: Recorder[] = [];
      for (let index = 0; index < count; index++) servers.push(scene.own(await scene.accepted()));
      clients.forEach((client, index) => client.write(String(index).padStart(3, "0")));
      // What follows at once keeps its order, and so does the end.
      clients.forEach((client, index) => {
        client.write("!");
        if (index % 3 === 1) client.closeWrite();
        if (index % 3 === 2) client.abort();
      });
      await Promise.all(
        servers.map((server) => server.until(() => server.total === 4 || server.ended || server.closed)),
      );
      const whole = servers.map(({ text }) => text).filter((text) => text.length === 4);
      const expected = clients.map((_, index) => index).filter((index) => index % 3 < 2);
      deepEqual(
        whole.filter((text) => parseInt(text) % 3 < 2).sort(),
        expected.map((index) => `${String(index).padStart(3, "0")}!`),
      );
      const ended = servers.filter(({ text }) => parseInt(text) % 3 === 1);
      await Promise.all(ended.map((server) => server.until(() => server.ended)));
    },
  );

  if (!hasUnixSockets) {
    return skip(`${named.name}: Unix sockets`, "this system has none that every runtime can use");
  }
  adapterTest(named, "Unix sockets have no address, and close() frees the path", async (scene, adapter) => {
    const folder = mkdtempSync(join(tmpdir(), "woshou-"));
    const path = join(folder, "socket");
    const accepted: string[] = [];
    try {
      for (let round = 0; round < 2; round++) {
        const options = {
          path,
          accept: (transport: { remoteAddress: string; abort(): void }): void => {
            accepted.push(transport.remoteAddress);
            transport.abort();
          },
        };
        const listener = await adapter.listen(options);
        equal(listener.hostname, "");
        equal(listener.port, 0);
        await failsWith("address-in-use", adapter.listen(options));
        const client = await scene.connect({ path });
        equal(client.transport.remoteAddress, "");
        client.closeWrite();
        await client.until(() => client.closed);
        await listener.close();
        await rejects(adapter.connect({ path }));
      }
      equal(accepted.join(), ",");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  adapterTest(named, "TLS over a Unix socket is refused in words", async (_, adapter) => {
    await rejects(adapter.connect({ path: "/nowhere", tls: {} }), TypeError);
    const options = { path: "/nowhere", tls: { cert: tls.cert, key: tls.key }, accept: () => {} };
    await rejects(adapter.listen(options), TypeError);
  });
}

function signalCases(named: NamedAdapter): void {
  adapterTest(named, "a signal that was aborted before rejects with its reason", async (scene, adapter) => {
    const listener = await scene.listen();
    const reason = new Error("changed my mind");
    const dialling = { hostname: HOST, port: listener.port, signal: AbortSignal.abort(reason) };
    await rejects(adapter.connect(dialling), (error) => error === reason);
  });

  adapterTest(
    named,
    "a signal that is aborted while dialling rejects with its reason",
    async (scene, adapter) => {
      const listener = await scene.listen();
      for (const secure of [false, true]) {
        const controller = new AbortController();
        const reason = new Error("changed my mind");
        const dialled = adapter.connect({
          hostname: HOST,
          port: listener.port,
          signal: controller.signal,
          ...(secure ? { tls: {} } : {}),
        });
        controller.abort(reason);
        await rejects(dialled, (error) => error === reason);
      }
      await turns();
    },
  );

  adapterTest(named, "a signal that is aborted during the TLS handshake rejects", async (_, adapter) => {
    await abortHandshake(adapter);
  });

  adapterTest(named, "a signal that is aborted during the TLS handshake hangs up", async (_, adapter) => {
    await abortHandshake(adapter, async (gone) => await gone);
  });

  adapterTest(named, "a signal that is aborted after connecting changes nothing", async (scene) => {
    const controller = new AbortController();
    const listener = await scene.listen();
    const dialling = { hostname: HOST, port: listener.port, signal: controller.signal };
    const client = await scene.connect(dialling);
    const server = scene.own(await scene.accepted());
    controller.abort();
    await turns();
    await scene.greet(client, server);
  });
}

/** Dials a server that never answers, and gives up. */
async function abortHandshake(
  adapter: Adapter,
  afterwards?: (gone: Promise<void>) => Promise<void>,
): Promise<void> {
  let greeted!: () => void;
  let closed!: () => void;
  const hello = new Promise<void>((resolve) => greeted = resolve);
  const gone = new Promise<void>((resolve) => closed = resolve);
  const foreign = await foreignServer((socket) => {
    socket.once("data", greeted);
    socket.once("close", closed);
  });
  try {
    const controller = new AbortController();
    const reason = new Error("took too long");
    const options = { hostname: HOST, port: foreign.port, tls: { ca: tls.ca }, signal: controller.signal };
    const dialled = adapter.connect(options);
    await hello;
    controller.abort(reason);
    await rejects(dialled, (error) => error === reason);
    await afterwards?.(gone);
  } finally {
    await foreign.close();
  }
}

/** Registers the cases. */
export function adapterCases(named: NamedAdapter): void {
  failureCases(named);
  addressCases(named);
  listenerCases(named);
  signalCases(named);
}
