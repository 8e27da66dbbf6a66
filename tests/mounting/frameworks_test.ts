/** The frameworks that people use, behind the port of serve(), each on every runtime: what they do alone, they do here. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { connect, type ConnectionHandler, serve } from "../../mod.ts";
import { tls } from "../fixtures.ts";
import { test } from "../harness.ts";
import { dial, RawPeer } from "../raw_peer.ts";
import { type Application, APPLICATIONS } from "./applications.ts";

const echo: ConnectionHandler = { message: (socket, message) => socket.send(message) };

const head = (line: string, more = ""): string => `${line} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
const withBody = (method: string, body: string, more = ""): string =>
  head(`${method} /body`, `Content-Type: text/plain\r\nContent-Length: ${body.length}\r\n${more}`) + body;
const LAST = "Connection: close\r\n";

interface Run {
  readonly application: Application;
  readonly port: number;
  /** A raw connection: over TCP, or TLS. */
  dial(): Promise<RawPeer>;
  /** Sends requests, the last of which closes the connection. */
  exchange(text: string): Promise<string>;
}

async function dialTls(port: number): Promise<RawPeer> {
  const options = { host: "127.0.0.1", port, ca: tls.ca, servername: "localhost", allowHalfOpen: true };
  const socket = connectTls(options as ConnectionOptions);
  await once(socket, "secureConnect");
  return new RawPeer(socket);
}

for (const [framework, make] of APPLICATIONS) {
  for (const encrypted of [false, true]) {
    const behind = (what: string, use: (run: Run) => Promise<void>): void => {
      test(`${framework}${encrypted ? ", over TLS" : ""}: ${what}`, async () => {
        const application = await make();
        const { cert, key } = tls;
        await using server = await serve(
          { port: 0, ...application.options, ...(encrypted ? { tls: { cert, key } } : {}) },
          echo,
        );
        const { port } = server;
        const connected = (): Promise<RawPeer> => encrypted ? dialTls(port) : dial(port);
        await use({
          application,
          port,
          dial: connected,
          async exchange(text) {
            const peer = await connected();
            peer.write(text);
            const response = await peer.untilEnd();
            await peer.destroy();
            return response;
          },
        });
      }, framework === "Elysia" ? { leaks: "Elysia keeps a timer for its cache" } : {});
    };

    behind("GET, with a parameter; HEAD; an unknown path", async ({ exchange }) => {
      const page = await exchange(head("GET /hello/w%C3%B6rld?a=b", LAST).replace("?a=b", ""));
      assert.match(page, /^HTTP\/1\.1 200 OK\r\n/);
      assert.match(page, /Hello w/);
      const onlyHead = await exchange(head("HEAD /hello/world", LAST));
      assert.match(onlyHead, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/);
    });

    behind("POST, PUT, DELETE, PATCH and OPTIONS with bodies, on one connection", async ({ exchange }) => {
      const methods = ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
      const text = methods.map((method, i) => withBody(method, `body ${i}`, i === 4 ? LAST : "")).join("");
      const answers = await exchange(text);
      assert.equal(answers.match(/HTTP\/1\.1 200/g)?.length, 5, answers);
      assert.ok(
        answers.match(/POST body 0[^]*PUT body 1[^]*DELETE body 2[^]*PATCH body 3[^]*OPTIONS body 4/),
      );
    });

    behind("a chunked body, and one after 100-continue", async ({ dial }) => {
      const peer = await dial();
      peer.write(
        head("POST /body", "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n") + "3\r\nabc\r\n",
      );
      peer.write("4\r\ndefg\r\n0\r\n\r\n");
      await peer.until("POST abcdefg");
      peer.write(
        head(
          "POST /body",
          "Content-Type: text/plain\r\nContent-Length: 2\r\nExpect: 100-continue\r\n" + LAST,
        ),
      );
      await peer.until("HTTP/1.1 100 Continue\r\n\r\n");
      peer.write("hi");
      assert.match(await peer.untilEnd(), /POST hi[\r\n0]*$/);
      await peer.destroy();
    });

    behind("server-sent events come as they happen", async ({ application, dial }) => {
      const peer = await dial();
      peer.write(head("GET /events", LAST));
      assert.ok(!(await peer.until("data: first\n\n")).includes("second"));
      application.next();
      await peer.until("data: second\n\n");
      await peer.untilEnd();
      await peer.destroy();
    });

    behind(
      "a WebSocket beside it: first, and after requests on the same connection",
      async ({ port, dial }) => {
        const url = `${encrypted ? "wss" : "ws"}://localhost:${port}/`;
        const socket = await connect(url, encrypted ? { tls: { ca: tls.ca } } : {});
        socket.send("hi");
        for await (const message of socket) {
          assert.equal(message, "hi");
          break;
        }
        await socket.close();
        const peer = await dial();
        peer.write(withBody("POST", "first"));
        await peer.until("POST first");
        peer.write(
          head(
            "GET /",
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
          ),
        );
        peer.write("\x81\x82\x37\xfa\x21\x3d\x5f\x93\x88\x80\x37\xfa\x21\x3d");
        const rest = await peer.untilEnd();
        assert.ok(rest.includes("HTTP/1.1 101 ") && rest.endsWith("\x81\x02hi\x88\x00"), rest);
        await peer.destroy();
      },
    );
  }
}
