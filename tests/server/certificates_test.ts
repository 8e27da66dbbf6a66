/** serve({ tls }): who the client is, which certificate it gets, and how that is renewed. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { createServer as createHttps, request as https } from "node:https";
import { acceptor, connect, serve, type ServeOptions, type TlsServerOptions } from "../../mod.ts";
import { certificateOf } from "../../src/transport/client_certificate.ts";
import { isCurrent } from "../../src/transport/certificate.ts";
import { listenAgain } from "../../src/transport/listen_again.ts";
import { tls } from "../fixtures.ts";
import { runtime, skip, test } from "../harness.ts";

const OURS = { cert: tls.cert, key: tls.key };
const OTHER = { cert: tls.otherCert, key: tls.otherKey };
const ASKING: TlsServerOptions = { ...OURS, clientCa: tls.ca, clientCertificate: "optional" };

/** Deno refuses what these need: `tests/transport/tls_cases.ts` says so. */
function verifyingTest(name: string, run: () => Promise<void>): void {
  if (runtime === "deno") skip(name, "servers on Deno do not verify the certificates of clients");
  else test(name, run);
}

function ask(port: number, certificate: object, path = "/"): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { port, path, host: "127.0.0.1", ca: tls.ca, agent: false as const, ...certificate };
    https(options, (response) => {
      let text = "";
      response.on("data", (chunk: Uint8Array) => text += new TextDecoder().decode(chunk));
      response.on("end", () => resolve(text));
    }).on("error", reject).end();
  });
}

verifyingTest(
  "clientCa: who the client is, upgrade(), the connection and the application are told",
  async () => {
    const seen: unknown[] = [];
    const options: ServeOptions<string | undefined> = {
      port: 0,
      tls: ASKING,
      upgrade: ({ clientCertificate }) => ({ data: clientCertificate?.subject }),
    };
    const handler = {
      open: (socket: { data: unknown; request?: Request | undefined }) => {
        const request = socket.request as { clientCertificate?: { fingerprint256: string } };
        seen.push(socket.data, request.clientCertificate?.fingerprint256.length);
      },
    };
    const applications: Pick<ServeOptions, "http" | "fetch">[] = [
      { fetch: (request) => new Response(String(request.clientCertificate?.subject)) },
      {
        http: ({ socket }, response) => {
          const { authorized, getPeerX509Certificate } = socket as unknown as {
            authorized: boolean;
            getPeerX509Certificate(): { subject: string } | undefined;
          };
          response.end(authorized ? getPeerX509Certificate.call(socket)?.subject : "undefined");
        },
      },
    ];
    for (const application of applications) {
      const server = await serve({ ...options, ...application }, handler);
      const url = `wss://127.0.0.1:${server.port}`;
      for (const own of [OURS, {}]) {
        const socket = await connect(url, { tls: { ca: tls.ca, ...own } });
        await socket.close();
        assert.equal(await ask(server.port, own), own === OURS ? "CN=localhost" : "undefined");
      }
      await server.shutdown();
      assert.deepEqual(seen.splice(0), ["CN=localhost", 95, undefined, undefined]);
    }
  },
);

verifyingTest(
  "an acceptor knows the certificate that the application's own server has verified",
  async () => {
    const seen: unknown[] = [];
    const accept = acceptor<string | undefined>({
      upgrade: ({ clientCertificate }) => ({ data: clientCertificate?.subject }),
    }, { open: (socket) => void seen.push(socket.data) });
    const server = createHttps({ ...OURS, ca: tls.ca, requestCert: true, rejectUnauthorized: false });
    server.on("upgrade", accept);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    for (const own of [OURS, OTHER, {}]) {
      await (await connect(`wss://127.0.0.1:${port}`, { tls: { ca: tls.ca, ...own } })).close();
    }
    await accept.shutdown();
    await new Promise((resolve) => server.close(resolve));
    // The certificate of the second is for servers alone. Sockets of Bun's node:https have none to show.
    assert.deepEqual(seen, [runtime === "bun" ? undefined : "CN=localhost", undefined, undefined]);
  },
);

test("renew(): a renewed certificate without a restart; connections and topics stay", async () => {
  const server = await serve({ port: 0, tls: OURS }, {
    open: (socket) => void socket.subscribe("all"),
  });
  const url = `wss://127.0.0.1:${server.port}`;
  const before = await connect(url, { tls: { ca: tls.ca } });
  await server.renew(OTHER);
  await assert.rejects(connect(url, { tls: { ca: tls.ca } }));
  const after = await connect(url, { tls: { ca: tls.ca, serverName: "other.example" } });
  while (server.connections.size < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  server.publish("all", "still here");
  for (const socket of [before, after]) {
    for await (const message of socket) {
      assert.equal(message, "still here");
      break;
    }
  }
  for (const wrong of [{ cert: "x", key: "y" }, { cert: tls.cert, key: tls.otherKey }, { cert: tls.cert }]) {
    await assert.rejects(server.renew(wrong as TlsServerOptions), TypeError);
  }
  const again = await connect(url, { tls: { ca: tls.ca, serverName: "other.example" } });
  const renewing = server.renew(OURS);
  await Promise.all([server.shutdown(), renewing]);
  for (const socket of [before, after, again]) assert.equal((await socket.closed).code, 1001);
  await assert.rejects(connect(url, { tls: { ca: tls.ca } }));
  await server.renew(OURS);
  await assert.rejects(connect(url, { tls: { ca: tls.ca } }));
});

verifyingTest("renew(): several at once count in their order, however long their checks take", async () => {
  const server = await serve({ port: 0, tls: OURS }, () => {});
  const url = `wss://127.0.0.1:${server.port}`;
  const names = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`n${i}.example`, OTHER]));
  // On Bun names cannot be added.
  const first = runtime === "bun" ? OTHER : { ...OTHER, names };
  await Promise.all([server.renew(first), server.renew(OURS)]);
  await (await connect(url, { tls: { ca: tls.ca } })).close();
  await server.shutdown();
});

test("whether a certificate is current, as resumed sessions are asked", () => {
  const time = Date.parse("2026-06-01T00:00:00Z");
  const of = (validFrom: string, validTo: string): boolean => isCurrent({ validFrom, validTo }, time);
  assert.equal(of("Jan  1 00:00:00 2026 GMT", "Jan  1 00:00:00 2126 GMT"), true);
  assert.equal(of("Jan  1 00:00:00 2026 GMT", "May 31 23:59:59 2026 GMT"), false);
  assert.equal(of("Jun  1 00:00:01 2026 GMT", "Jan  1 00:00:00 2126 GMT"), false);
  assert.equal(of("Jan  1 00:00:00 2026 GMT", "never"), false);
  for (const [text, current] of [[tls.cert, true], [tls.ca, true]] as const) {
    assert.equal(isCurrent(new X509Certificate(text)), current);
  }
});

test("a port that is lost for a moment is listened on again; what is not wanted any more is not tried again", async () => {
  let attempts = 0;
  const failing = (): string => {
    if (++attempts < 3) throw new Error("address in use");
    return "listening";
  };
  assert.equal(await listenAgain(failing, () => true), "listening");
  attempts = 0;
  await assert.rejects(listenAgain(failing, () => false), /address in use/);
  assert.equal(attempts, 1);
});

if (runtime === "deno") {
  test("Deno: what node:tls says of a client is not believed", () => {
    const socket = { authorized: true, getPeerX509Certificate: () => new X509Certificate(tls.cert) };
    assert.equal(certificateOf(socket), undefined);
  });
} else skip("Deno: what node:tls says of a client is not believed", "it is about Deno");

test("renew() of a server without TLS, and certificates that make no sense: a TypeError that says what to do", async () => {
  const plain = await serve({ port: 0 }, () => {});
  await assert.rejects(plain.renew(OURS), /without TLS/);
  await plain.shutdown();
  const rows: [options: object, message: RegExp][] = [
    [{ clientCertificate: "optional" }, /without tls\.clientCa/],
    [{ clientCa: [] }, /empty list for option tls\.clientCa/],
    [{ clientCa: 1 }, /tls\.clientCa/],
    [{ clientCa: tls.ca, clientCertificate: "maybe" }, /"required" or "optional"/],
    [{ clientCa: "x" }, /tls\.clientCa: it is not a certificate/],
    [{ names: "other.example" }, /tls\.names/],
    [{ names: { "https://other.example": OTHER } }, /give a host name/],
    [{ names: { "127.0.0.1": OTHER } }, /give a host name/],
    [{ names: { "a.*.example": OTHER } }, /give a host name/],
    [{ names: { "other.example": tls.otherCert } }, /an object with cert and key/],
    [{ names: { "other.example": { cert: tls.otherCert } } }, /tls\.names\["other\.example"\]\.key/],
    [{ names: { "other.example": { ...OTHER, key: tls.key } } }, /tls\.names\["other\.example"\]: the key/],
    [{ requestCert: true }, /tls\.clientCa/],
    [{ clientCA: tls.ca }, /tls\.clientCA/],
    [{ clientCertificates: "required" }, /tls\.clientCertificates/],
    [{ clientCa: `${tls.ca}${tls.ca.slice(0, 100)}` }, /tls\.clientCa: it is not a certificate/],
    [{ SNICallback: () => {} }, /tls\.names/],
  ];
  for (const [options, message] of rows) {
    await assert.rejects(serve({ port: 0, tls: { ...OURS, ...options } }, () => {}), (error) => {
      assert.ok(error instanceof TypeError);
      assert.match(error.message, message);
      return true;
    });
  }
});
