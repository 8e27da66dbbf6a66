/** What goes wrong in TLS has a sentence for each kind, the same on every runtime, and keeps the runtime's own error. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import { createServer as createPlainServer, type Server as NetServer, type Socket } from "node:net";
import { join } from "node:path";
import { createServer, type TlsOptions } from "node:tls";
import { connect, type ConnectOptions, HandshakeError, type TransportError } from "../../mod.ts";
import { projectRoot, tls } from "../fixtures.ts";
import { runtime, test } from "../harness.ts";
import { acceptance, rejection, serverFrame, TEXT } from "../hostile/support.ts";

const faulty = (name: string): string =>
  readFileSync(join(projectRoot, "tests", "fixtures", "tls", "faulty", name), "utf8");
const KEY = faulty("leaf.key");
const CA = faulty("ca.pem");

/** A server that is over when `use` is. */
async function on(server: NetServer, use: (port: number) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.on("secureConnection", (socket: Socket) => socket.on("error", () => {}));
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await use((server.address() as { port: number }).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  }
}

const speaking = (options: TlsOptions): NetServer =>
  createServer({ key: KEY, ...options }, (socket) => socket.resume());

/** A server that accepts every opening handshake. */
const accepting = (cert: string): NetServer =>
  createServer({ cert: faulty(cert), key: KEY }, (socket) => {
    socket.on("error", () => {});
    socket.once("data", (request: Uint8Array) => socket.write(acceptance(new TextDecoder().decode(request))));
  });

async function refused(
  url: string,
  options: ConnectOptions,
  reason: string,
  sentence: RegExp,
): Promise<void> {
  const error = await rejection(connect(url, { handshakeTimeout: 20_000, ...options }));
  assert.ok(error instanceof HandshakeError, String(error));
  assert.match(error.message, sentence);
  assert.equal(error.reason, reason);
  const transportError = error.cause as TransportError;
  assert.equal(transportError.name, "TransportError");
  assert.ok(transportError.cause instanceof Error, "the runtime's own error is kept");
}

interface Refusal {
  readonly server: () => NetServer;
  readonly options?: ConnectOptions;
  readonly host?: string;
  readonly reason: string;
  readonly sentence: RegExp;
}

const trusting = { tls: { ca: CA } };
const REFUSALS: Record<string, Refusal> = {
  "an expired certificate": {
    server: () => speaking({ cert: faulty("expired.pem") }),
    options: trusting,
    reason: "certificate-rejected",
    sentence: /: the server's certificate has expired\. It must be renewed there/,
  },
  "a certificate that is not valid yet": {
    server: () => speaking({ cert: faulty("future.pem") }),
    options: trusting,
    reason: "certificate-rejected",
    sentence: /: the server's certificate is not valid yet\. Check this machine's clock/,
  },
  "an expired certificate, of an authority that is not trusted either": {
    server: () => speaking({ cert: faulty("expired.pem") }),
    reason: "certificate-rejected",
    sentence: /has expired|is not trusted here/,
  },
  "a certificate for another name": {
    server: () => createServer({ cert: tls.otherCert, key: tls.otherKey }),
    options: { tls: { ca: tls.ca } },
    reason: "certificate-rejected",
    sentence: /: the server's certificate does not cover the requested name.* `tls\.serverName`/,
  },
  "a certificate for names, where an address is dialled": {
    server: () => createServer({ cert: tls.otherCert, key: tls.otherKey }),
    options: { tls: { ca: tls.ca } },
    host: "127.0.0.1",
    reason: "certificate-rejected",
    sentence: /: the server's certificate does not cover the requested name.* `tls\.serverName`/,
  },
  "an authority that is not trusted": {
    server: () => speaking({ cert: faulty("fit.pem") }),
    reason: "certificate-rejected",
    sentence: /: the server's certificate is issued by an authority that is not trusted here\. .*`tls\.ca`/,
  },
  "an authority that is not among those given": {
    server: () => speaking({ cert: faulty("fit.pem") }),
    options: { tls: { ca: tls.ca } },
    reason: "certificate-rejected",
    sentence: /: the server's certificate is issued by an authority that is not trusted here\. .*`tls\.ca`/,
  },
  "a self-signed certificate": {
    server: () => speaking({ cert: faulty("self-signed.pem") }),
    reason: "certificate-rejected",
    sentence: /: the server's certificate is self-signed: .*`tls\.ca`/,
  },
  "a self-signed certificate, where others are trusted": {
    server: () => speaking({ cert: faulty("self-signed.pem") }),
    options: trusting,
    reason: "certificate-rejected",
    sentence: /: the server's certificate is self-signed: .*`tls\.ca`/,
  },
  "a port that speaks plain HTTP": {
    server: () =>
      createPlainServer((socket) =>
        void socket.on("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))
      ),
    options: trusting,
    reason: "tls-failed",
    sentence: /: the other side does not use TLS on this port\. Connect with ws:\/\/ instead of wss:\/\//,
  },
  "a port that ends the connection over a TLS handshake": {
    server: () => createPlainServer((socket) => void socket.on("data", () => socket.end())),
    options: trusting,
    reason: "connection-reset",
    sentence: /: the server ended the connection in the middle of the TLS handshake\./,
  },
  "a server that speaks HTTP/2 alone": {
    server: () => createSecureServer({ cert: faulty("fit.pem"), key: KEY }) as unknown as NetServer,
    options: trusting,
    reason: "tls-failed",
    sentence: /: the other side does not support HTTP\/1\.1 there, perhaps only HTTP\/2\./,
  },
  "a server that demands a client certificate, by TLS 1.3": {
    server: () =>
      speaking({
        cert: faulty("fit.pem"),
        ca: CA,
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: "TLSv1.3",
      }),
    options: trusting,
    reason: "tls-failed",
    sentence:
      /: the server requires a client certificate\. Give one with the options `tls\.cert` and `tls\.key`\./,
  },
  "a server that demands a client certificate, by TLS 1.2": {
    server: () =>
      speaking({
        cert: faulty("fit.pem"),
        ca: CA,
        requestCert: true,
        rejectUnauthorized: true,
        maxVersion: "TLSv1.2",
      }),
    options: trusting,
    reason: "tls-failed",
    // A server of rustls says in TLS 1.2 as well what it wants.
    sentence:
      /: the other side aborted the TLS handshake\. It may require a client certificate|: the server requires a client/,
  },
};

for (
  const [name, { server, options = {}, host = "localhost", reason, sentence }] of Object.entries(REFUSALS)
) {
  test(`wss: ${name}`, async () => {
    await on(server(), async (port) => {
      await refused(`wss://${host}:${port}/`, options, reason, sentence);
    });
  });
}

const trusted = [
  ["a self-signed certificate", "self-signed.pem", "self-signed.pem"],
  ["a certificate of an authority", "fit.pem", "ca.pem"],
  ["a certificate of an authority of an authority", "far-chain.pem", "ca.pem"],
  ["a certificate of an authority with a P-521 key", "p521.pem", "p521-ca.pem"],
] as const;
for (const [name, cert, ca] of trusted) {
  test(`wss: ${name} that is trusted by tls.ca is accepted`, async () => {
    const server = accepting(cert);
    await on(server, async (port) => {
      const connection = await connect(`wss://localhost:${port}/`, { tls: { ca: faulty(ca) } });
      connection.abort();
      await connection.closed;
    });
  });
}

test("ws: a port that speaks TLS is named as that", async () => {
  await on(speaking({ cert: faulty("fit.pem") }), async (port) => {
    const error = await rejection(connect(`ws://localhost:${port}/`));
    assert.match((error as Error).message, /does it want wss:\/\/\?|connect with wss:\/\//);
  });
  // What nginx answers, and what Go does.
  const bodies = [
    "<center>The plain HTTP request was sent to HTTPS port</center>",
    "Client sent an HTTP request to an HTTPS server.\n",
  ];
  for (const body of bodies) {
    const plain = createPlainServer((socket) =>
      void socket.on(
        "data",
        () => socket.end(`HTTP/1.1 400 Bad Request\r\nContent-Length: ${body.length}\r\n\r\n${body}`),
      )
    );
    await on(plain, async (port) => {
      const error = await rejection(connect(`ws://localhost:${port}/`));
      assert.match(
        (error as Error).message,
        /This port uses TLS: connect with wss:\/\/ instead of ws:\/\/\./,
      );
    });
  }
});

test("wss: a server that says nothing and ends is not asked whether it wants wss", async () => {
  const server = createServer({ cert: faulty("fit.pem"), key: KEY }, (socket) => socket.end());
  await on(server, async (port) => {
    const { message } = await rejection(connect(`wss://localhost:${port}/`, trusting)) as Error;
    assert.match(message, /without an answer: .* client certificate/);
    assert.doesNotMatch(message, /wss:\/\//);
  });
});

test("RFC 6066, section 3: an address is never sent as the server's name (SNI), and a name is", async () => {
  const hellos: string[] = [];
  const seen = createPlainServer((socket) => {
    socket.once("data", (hello: Uint8Array) => {
      hellos.push(String.fromCharCode(...hello));
      socket.destroy();
    });
  });
  await on(seen, async (port) => {
    const dials: [string, ConnectOptions["tls"]][] = [
      ["127.0.0.1", { ca: CA }],
      ["127.0.0.1", {}],
      ["127.0.0.1", { ca: CA, serverName: "127.0.0.1" }],
      ["localhost", { ca: CA, serverName: "127.0.0.9" }],
      ["localhost", { ca: CA, serverName: "::1" }],
      ["localhost", { ca: CA }],
      ["127.0.0.1", { ca: CA, serverName: "a.name.example" }],
    ];
    for (const [host, options] of dials) {
      await rejection(connect(`wss://${host}:${port}/`, { tls: options! }));
    }
  });
  assert.equal(hellos.length, 7);
  for (const hello of hellos) assert.doesNotMatch(hello, /127\.0\.0\.\d|::1/);
  const named = hellos.slice(5).map((hello) => /localhost|a\.name\.example/.exec(hello)?.[0]);
  assert.deepEqual(named, ["localhost", "a.name.example"]);
});

test("wss: an address that is dialled is verified, and so is one that is named instead", async () => {
  await on(speaking({ cert: faulty("fit.pem") }), async (port) => {
    for (const serverName of ["127.0.0.9", "::9"]) {
      const wrong = { tls: { ca: CA, serverName } };
      await refused(
        `wss://localhost:${port}/`,
        wrong,
        "certificate-rejected",
        /does not cover the requested name/,
      );
    }
    // No certificate can name an address with a zone; Deno does not even ask for one.
    const zone = { tls: { ca: CA, serverName: "fe80::1%eth0" } };
    assert.ok(await rejection(connect(`wss://localhost:${port}/`, zone)) instanceof HandshakeError);
  });
  const server = accepting("fit.pem");
  await on(server, async (port) => {
    const dials: [string, string | undefined][] = [["127.0.0.1", undefined], ["localhost", "127.0.0.1"], [
      "127.0.0.1",
      "localhost",
    ]];
    for (const [host, serverName] of dials) {
      const options = { tls: { ca: CA, ...(serverName === undefined ? {} : { serverName }) } };
      const connection = await connect(`wss://${host}:${port}/`, options);
      connection.abort();
      await connection.closed;
    }
  });
});

for (const cert of ["fit.pem", "far-chain.pem"]) {
  test(`wss: the end of a server with ${cert} is seen by who is slow, whatever tls.ca had to do`, async () => {
    const payload = "x".repeat(1000);
    const server = createServer({ cert: faulty(cert), key: KEY }, (socket) => {
      socket.on("error", () => {});
      socket.once("data", (request: Uint8Array) => {
        socket.write(acceptance(new TextDecoder().decode(request)));
        for (let i = 0; i < 700; i++) socket.write(serverFrame({ opcode: TEXT, payload }), "latin1");
        socket.end();
      });
    });
    await on(server, async (port) => {
      const connection = await connect(`wss://localhost:${port}/`, { tls: { ca: CA } });
      let count = 0;
      for await (const _ of connection) {
        if (++count % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      // As a server, node:tls of Deno may end before all has gone out.
      if (runtime !== "deno") assert.equal(count, 700);
      assert.equal((await connection.closed).code, 1006);
    });
  });
}
