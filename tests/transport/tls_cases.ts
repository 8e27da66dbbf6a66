/** TLS: whom a client believes, and what a server survives. */
import { equal, match, ok, rejects } from "node:assert/strict";
import { connect as connectTls } from "node:tls";
import { TransportError } from "../../src/transport/transport.ts";
import { tls } from "../fixtures.ts";
import { adapterTest } from "./adapter_cases.ts";
import { failsWith, foreignClient, foreignServer, HOST } from "./scene.ts";
import type { NamedAdapter } from "./subjects.ts";
import { pattern, turns } from "./support.ts";

const OURS = { cert: tls.cert, key: tls.key };
const OTHER = { cert: tls.otherCert, key: tls.otherKey };

/** Version 1.1 at most, three cipher suites that it may have, no compression, no extensions. */
const TLS_1_1_CLIENT_HELLO: Uint8Array = new Uint8Array([
  ...[22, 3, 1, 0, 51, 1, 0, 0, 47, 3, 2],
  ...new Array(32).fill(7),
  ...[0, 0, 6, 0xc0, 0x09, 0xc0, 0x13, 0, 0x2f, 1, 0, 0, 0],
]);

function clientCases(named: NamedAdapter): void {
  adapterTest(named, "connect() over TLS resolves when bytes can flow", async (scene) => {
    const listener = await scene.listen({ tls: OURS });
    for (const ca of [tls.ca, [tls.ca]]) {
      for (const hostname of ["localhost", HOST]) {
        const client = await scene.connect({ hostname, port: listener.port, tls: { ca } });
        ok(client.transport.encrypted);
        const server = scene.own(await scene.accepted());
        ok(server.transport.encrypted);
        equal(server.transport.remoteAddress, HOST);
        await scene.greet(client, server);
      }
    }
  });

  adapterTest(named, "a certificate of an unknown authority is rejected", async (scene) => {
    const listener = await scene.listen({ tls: OURS });
    const dialling = { hostname: "localhost", port: listener.port, tls: {} };
    await failsWith("certificate-rejected", scene.connect(dialling));
    const server = scene.own(await scene.accepted());
    await server.until(() => server.closed);
    equal(server.total, 0);
  });

  adapterTest(named, "a certificate for another name is rejected", async (scene) => {
    const listener = await scene.listen({ tls: OTHER });
    const dialling = { port: listener.port, tls: { ca: tls.ca } };
    await failsWith("certificate-rejected", scene.connect({ hostname: "localhost", ...dialling }));
    await failsWith("certificate-rejected", scene.connect({ hostname: HOST, ...dialling }));
  });

  adapterTest(named, "serverName is the name that is verified", async (scene) => {
    const listener = await scene.listen({ tls: OTHER });
    const dialling = { hostname: HOST, port: listener.port };
    const client = await scene.connect({ ...dialling, tls: { ca: tls.ca, serverName: "other.example" } });
    await scene.greet(client, scene.own(await scene.accepted()));
    for (const serverName of ["wrong.example", HOST]) {
      await failsWith(
        "certificate-rejected",
        scene.connect({ ...dialling, tls: { ca: tls.ca, serverName } }),
      );
    }
  });

  adapterTest(named, "a serverName that is no name hangs up", async (scene) => {
    const listener = await scene.listen({ tls: OURS });
    const dialling = { hostname: HOST, port: listener.port, tls: { ca: tls.ca, serverName: "no name" } };
    await rejects(scene.connect(dialling), TransportError);
    const server = scene.own(await scene.accepted());
    await server.until(() => server.closed || server.ended);
    equal(server.total, 0);
  });

  adapterTest(named, "a client may have a certificate that nobody asks for", async (scene) => {
    const listener = await scene.listen({ tls: OURS });
    const client = await scene.connect({ hostname: HOST, port: listener.port, tls: { ca: tls.ca, ...OURS } });
    await scene.greet(client, scene.own(await scene.accepted()));
  });

  adapterTest(named, "a server that does not speak TLS", async (scene) => {
    const foreign = await foreignServer((socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    });
    try {
      await failsWith(
        "tls-failed",
        scene.connect({ hostname: HOST, port: foreign.port, tls: { ca: tls.ca } }),
      );
    } finally {
      await foreign.close();
    }
  });
}

function serverCases(named: NamedAdapter): void {
  adapterTest(
    named,
    "a failed TLS handshake closes its transport, and the listener goes on",
    async (scene) => {
      const listener = await scene.listen({ tls: OURS });
      const plain = await foreignClient(listener.port);
      const gone = new Promise((resolve) => plain.once("close", resolve));
      plain.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
      plain.resume();
      const failed = scene.own(await scene.accepted());
      await failed.until(() => failed.closed);
      equal(failed.error?.code, "tls-failed");
      match(failed.error?.message ?? "", /TLS/);
      equal(failed.total, 0);
      plain.end();
      await gone;
      const client = await scene.connect({ hostname: HOST, port: listener.port, tls: { ca: tls.ca } });
      await scene.greet(client, scene.own(await scene.accepted()));
    },
  );

  adapterTest(named, "a peer that leaves during the TLS handshake closes its transport", async (scene) => {
    const listener = await scene.listen({ tls: OURS });
    const plain = await foreignClient(listener.port);
    const left = scene.own(await scene.accepted());
    left.write("this will never be sent");
    plain.end();
    await left.until(() => left.closed);
    equal(left.error?.code, "connection-reset");
    plain.destroy();
  });

  adapterTest(named, "accept() comes before the TLS handshake, and abort() ends it", async (scene) => {
    const listener = await scene.listen({ tls: OURS });
    const plain = await foreignClient(listener.port);
    const silent = scene.own(await scene.accepted());
    ok(silent.transport.encrypted);
    await turns();
    silent.abort();
    await silent.until(() => silent.closed);
    equal(silent.error, undefined);
    plain.destroy();
  });

  adapterTest(named, "abort() during the TLS handshake hangs up", async (scene) => {
    const listener = await scene.listen({ tls: OURS });
    const plain = await foreignClient(listener.port);
    const gone = new Promise((resolve) => plain.once("close", resolve));
    plain.resume();
    plain.on("end", () => plain.end());
    scene.own(await scene.accepted()).abort();
    await gone;
  });

  adapterTest(named, "what is written before the TLS handshake is done is sent after it", async (scene) => {
    const listener = await scene.listen({ tls: OURS });
    const accepting = scene.accepted().then((transport) => {
      const server = scene.own(transport);
      server.write(pattern(0, 200_000));
      server.closeWrite();
      return server;
    });
    const client = await scene.connect({ hostname: HOST, port: listener.port, tls: { ca: tls.ca } });
    await client.until(() => client.ended);
    equal(client.total, 200_000);
    client.closeWrite();
    const server = await accepting;
    await server.until(() => server.closed);
    equal(server.error, undefined);
  });

  adapterTest(named, "a certificate or key that cannot be used is told when listening", async (scene) => {
    await failsWith("tls-failed", scene.listen({ tls: { cert: "nonsense", key: "nonsense" } }));
    await failsWith("tls-failed", scene.listen({ tls: { cert: tls.cert, key: tls.otherKey } }));
  });

  adapterTest(named, "a client that knows no TLS 1.2 is turned away with an alert", async (scene) => {
    const listener = await scene.listen({ tls: OURS });
    const old = await foreignClient(listener.port);
    const answered = new Promise<Uint8Array>((resolve) => old.once("data", resolve));
    old.write(TLS_1_1_CLIENT_HELLO);
    const server = scene.own(await scene.accepted());
    const [type, , , , , level] = await answered;
    equal(type, 21, "an alert");
    equal(level, 2, "a fatal one");
    old.destroy();
    await server.until(() => server.closed);
    equal(server.error?.code, "tls-failed");
  });

  adapterTest(named, "the server chooses http/1.1 by ALPN", async (scene) => {
    const listener = await scene.listen({ tls: OURS });
    const options = { host: HOST, port: listener.port, ca: tls.ca, ALPNProtocols: ["h2", "http/1.1"] };
    const socket = connectTls(options);
    await new Promise<void>((resolve) => socket.once("secureConnect", resolve));
    equal(socket.alpnProtocol, "http/1.1");
    const server = scene.own(await scene.accepted());
    socket.destroy();
    await server.until(() => server.closed || server.ended);
  });
}

/** Registers the cases. */
export function tlsCases(named: NamedAdapter): void {
  clientCases(named);
  serverCases(named);
}
