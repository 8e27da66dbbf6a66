/** What only a stream that others have read from can do: bytes that were read already come first. */
import { deepEqual, equal } from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from "node:net";
import { DuplexTransport } from "../../src/transport/duplex.ts";
import { Recorder } from "./recorder.ts";
import { REQUEST, RESPONSE } from "./subjects.ts";
import { limitedTest, turns } from "./support.ts";

const HOST = "127.0.0.1";

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function connected(fn: (client: Socket, server: Socket) => Promise<void>): Promise<void> {
  const listener = createServer();
  const accepting = new Promise<Socket>((resolve) => listener.once("connection", resolve));
  await new Promise<void>((resolve) => listener.listen(0, HOST, resolve));
  const client = connectTcp((listener.address() as AddressInfo).port, HOST);
  await new Promise<void>((resolve) => client.once("connect", resolve));
  const server = await accepting;
  try {
    await fn(client, server);
  } finally {
    const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
    client.destroy();
    server.destroy();
    await closed;
  }
}

/** Registers the cases. */
export function duplexCases(): void {
  limitedTest("duplex: the head comes first, and not before attach()", async () => {
    await connected(async (client, server) => {
      const recorder = new Recorder(new DuplexTransport(server, { head: bytes("head, ") }));
      client.write("and body");
      client.end();
      await turns();
      equal(recorder.total, 0);
      recorder.attach();
      equal(recorder.total, 0);
      await recorder.until(() => recorder.ended);
      equal(recorder.text, "head, and body");
      equal(new TextDecoder().decode(recorder.chunks[0]), "head, ");
      recorder.closeWrite();
      client.resume();
      await recorder.until(() => recorder.closed);
      equal(recorder.error, undefined);
      recorder.verify();
    });
  });

  limitedTest("duplex: the head waits for resume(), even when the peer has ended meanwhile", async () => {
    await connected(async (client, server) => {
      const recorder = new Recorder(new DuplexTransport(server, { head: bytes("head") }));
      recorder.pause();
      recorder.attach();
      client.end();
      recorder.closeWrite();
      client.resume();
      await turns();
      deepEqual(recorder.log, []);
      recorder.resume();
      await recorder.until(() => recorder.closed);
      deepEqual(recorder.log, ["data", "end", "close"]);
      equal(recorder.text, "head");
      equal(recorder.error, undefined);
      recorder.verify();
    });
  });

  limitedTest("duplex: abort() from inside data() of the head is the last that is heard", async () => {
    await connected(async (client, server) => {
      client.on("error", () => {});
      const transport = new DuplexTransport(server, { head: bytes("head") });
      const recorder: Recorder = new Recorder(transport, { data: () => recorder.abort() });
      client.write("more");
      await turns();
      recorder.attach();
      await recorder.until(() => recorder.closed);
      deepEqual(recorder.log, ["data", "close"]);
      equal(recorder.text, "head");
      recorder.verify();
    });
  });

  limitedTest("duplex: bytes that follow an upgrade request at once are not lost", async () => {
    const server = createHttpServer();
    const upgrading = new Promise<Recorder>((resolve) => {
      server.once("upgrade", (_request, socket, head) => {
        const recorder = new Recorder(new DuplexTransport(socket, { head }));
        recorder.write(RESPONSE);
        setTimeout(() => resolve(recorder.attach()), 0);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    const client = connectTcp((server.address() as AddressInfo).port, HOST);
    client.on("error", () => {});
    client.resume();
    client.write(`${REQUEST}early, `);
    const recorder = await upgrading;
    client.write("and late");
    await recorder.received(15);
    equal(recorder.text, "early, and late");
    equal(recorder.transport.remoteAddress, HOST);
    recorder.abort();
    await recorder.until(() => recorder.closed);
    recorder.verify();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    client.destroy();
    await closed;
  });
}
