/** TLS: whom a client believes, and what a server survives. */
import { equal, match, ok, rejects } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { TransportError } from "../../src/transport/transport.ts";
import { projectRoot, tls } from "../fixtures.ts";
import { runtime } from "../harness.ts";
import { adapterTest } from "./adapter_cases.ts";
import { failsWith, foreignClient, foreignServer, HOST } from "./scene.ts";
import type { NamedAdapter } from "./subjects.ts";
import { pattern, turns } from "./support.ts";

const faulty = join(projectRoot, "tests", "fixtures", "tls", "faulty");
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

const WRONG_PURPOSE = { cert: tls.otherCert, key: tls.otherKey };
const SELF_SIGNED = {
  cert: readFileSync(join(faulty, "self-signed.pem"), "utf8"),
  key: readFileSync(join(faulty, "leaf.key"), "utf8"),
};
const EXPIRED = { ...SELF_SIGNED, cert: readFileSync(join(faulty, "expired.pem"), "utf8") };
const FIT = { ...SELF_SIGNED, cert: readFileSync(join(faulty, "fit.pem"), "utf8") };
const AUTHORITIES = [tls.ca, readFileSync(join(faulty, "ca.pem"), "utf8")];

function certificateCases(named: NamedAdapter): void {
  adapterTest(named, "clientCa: a client must have a certificate of these authorities", async (scene) => {
    const listener = await scene.listen({ tls: { ...OURS, clientCa: AUTHORITIES } });
    const dial = { hostname: HOST, port: listener.port };
    for (const own of [OURS, FIT]) {
      const client = await scene.connect({ ...dial, tls: { ca: tls.ca, ...own } });
      const server = scene.own(await scene.accepted());
      await scene.greet(client, server);
      const subject = own === OURS ? "CN=localhost" : "CN=woshou test fit";
      equal(server.transport.clientCertificate?.subject, subject);
      equal(client.transport.clientCertificate, undefined);
    }
    for (const own of [{}, WRONG_PURPOSE, SELF_SIGNED, EXPIRED]) {
      // With TLS 1.3 the client is done before the server has seen its certificate.
      const attempt = foreignTlsClient(listener.port, own);
      const server = scene.own(await scene.accepted());
      await server.until(() => server.closed);
      ok(server.error !== undefined);
      equal(server.total, 0);
      equal(server.transport.clientCertificate, undefined);
      equal((await attempt).received, "");
    }
    await scene.greet(
      await scene.connect({ ...dial, tls: { ca: tls.ca, ...OURS } }),
      scene.own(await scene.accepted()),
    );
  });

  adapterTest(named, "clientCertificate optional: none is accepted, a bad one is not", async (scene) => {
    const tlsOptions = { ...OURS, clientCa: AUTHORITIES, clientCertificate: "optional" as const };
    const listener = await scene.listen({ tls: tlsOptions });
    const dial = { hostname: HOST, port: listener.port };
    for (const own of [{}, OURS]) {
      const client = await scene.connect({ ...dial, tls: { ca: tls.ca, ...own } });
      const server = scene.own(await scene.accepted());
      await scene.greet(client, server);
      equal(server.transport.clientCertificate?.subject, own === OURS ? "CN=localhost" : undefined);
    }
    for (const own of [WRONG_PURPOSE, SELF_SIGNED, EXPIRED]) {
      const attempt = foreignTlsClient(listener.port, own);
      const server = scene.own(await scene.accepted());
      await server.until(() => server.closed);
      equal(server.total, 0);
      equal((await attempt).received, "");
    }
  });

  adapterTest(named, "clientCa: a session that is resumed has its certificate", async (scene) => {
    const listener = await scene.listen({ tls: { ...OURS, clientCa: tls.ca } });
    const first = foreignTlsClient(listener.port, OURS);
    const server = scene.own(await scene.accepted());
    await server.received(4);
    server.write("pong");
    server.closeWrite();
    const { session } = await first;
    const second = foreignTlsClient(listener.port, { ...OURS, session });
    const again = scene.own(await scene.accepted());
    await again.received(4);
    equal(again.transport.clientCertificate?.subject, "CN=localhost");
    again.closeWrite();
    await second;
  });

  adapterTest(named, "names: the certificate is chosen by the server name", async (scene) => {
    const names = { "other.example": OTHER, "*.other.example": OTHER };
    const listener = await scene.listen({
      tls: { ...OURS, names, clientCa: tls.ca, clientCertificate: "optional" },
    });
    const dial = { hostname: HOST, port: listener.port };
    for (const serverName of ["localhost", "other.example", "OTHER.example"]) {
      for (const own of [{}, OURS]) {
        const client = await scene.connect({ ...dial, tls: { ca: tls.ca, serverName, ...own } });
        const server = scene.own(await scene.accepted());
        await scene.greet(client, server);
        equal(server.transport.clientCertificate?.subject, own === OURS ? "CN=localhost" : undefined);
      }
    }
    const shown: [serverName: string, name: string][] = [
      ["a.other.example", "other.example"],
      ["a.b.other.example", "localhost"],
      ["example", "localhost"],
      ["constructor", "localhost"],
    ];
    for (const [serverName, name] of shown) {
      equal(await shownName(listener.port, serverName), name, serverName);
      scene.own(await scene.accepted());
    }
    const client = await scene.connect({ ...dial, tls: { ca: tls.ca } });
    await scene.greet(client, scene.own(await scene.accepted()));
  });

  adapterTest(named, "renew(): new connections get the new certificate, open ones stay", async (scene) => {
    const listener = await scene.listen({ tls: OURS });
    const dial = { hostname: HOST, port: listener.port };
    const old = await scene.connect({ ...dial, tls: { ca: tls.ca } });
    const oldServer = scene.own(await scene.accepted());
    await scene.greet(old, oldServer);
    await listener.renew(OTHER);
    await failsWith("certificate-rejected", scene.connect({ ...dial, tls: { ca: tls.ca } }));
    scene.own(await scene.accepted());
    const client = await scene.connect({ ...dial, tls: { ca: tls.ca, serverName: "other.example" } });
    await scene.greet(client, scene.own(await scene.accepted()));
    await scene.greet(old, oldServer);
    await Promise.all([listener.renew(OTHER), listener.renew(OURS)]);
    const back = await scene.connect({ ...dial, tls: { ca: tls.ca } });
    await scene.greet(back, scene.own(await scene.accepted()));
    await listener.close();
    await failsWith("connection-refused", scene.connect({ ...dial, tls: { ca: tls.ca } }));
  });

  adapterTest(named, "renew(): what cannot be used leaves everything as it was", async (scene) => {
    const listener = await scene.listen({ tls: OURS });
    await failsWith("tls-failed", listener.renew({ cert: "no certificate", key: "no key" }));
    const client = await scene.connect({ hostname: HOST, port: listener.port, tls: { ca: tls.ca } });
    await scene.greet(client, scene.own(await scene.accepted()));
  });

  const missing = named.missing ?? (runtime === "deno" ? undefined : "only servers on Deno cannot do it");
  adapterTest(
    { ...named, missing },
    "Deno: clientCa and names are refused, and the sentence says why",
    async (scene) => {
      for (const option of [{ clientCa: tls.ca }, { names: { "other.example": OTHER } }]) {
        const refused = (error: unknown): boolean =>
          error instanceof TypeError && /on Deno/.test(error.message);
        await rejects(scene.listen({ tls: { ...OURS, ...option } }), refused);
        const listener = await scene.listen({ tls: OURS });
        await rejects(listener.renew({ ...OURS, ...option }), refused);
      }
    },
  );
}

/** The name in the certificate that a server shows. */
async function shownName(port: number, servername: string): Promise<string | undefined> {
  const socket = connectTls({ host: HOST, port, servername, rejectUnauthorized: false });
  await new Promise<void>((resolve) => socket.once("secureConnect", () => resolve()));
  const name = socket.getPeerCertificate().subject.CN;
  socket.destroy();
  return Array.isArray(name) ? name[0] : name;
}

/** A client that says "ping" and waits for the end: what it got, and a session to be resumed. */
async function foreignTlsClient(
  port: number,
  options: ConnectionOptions,
): Promise<{ received: string; session: Buffer | undefined }> {
  const socket = connectTls({ host: HOST, port, ca: tls.ca, ...options });
  let received = "";
  let session: Buffer | undefined;
  socket.on("session", (each) => session = each);
  socket.on("secureConnect", () => socket.write("ping"));
  socket.on("data", (chunk: Uint8Array) => received += new TextDecoder().decode(chunk));
  socket.on("error", () => {});
  await new Promise<void>((resolve) => socket.on("close", () => resolve()));
  return { received, session };
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
  certificateCases(named);
  serverCases(named);
}
