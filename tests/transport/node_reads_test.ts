/** Sockets of Node that read into the same memory, and servers whose sockets cannot. */
import { deepEqual, equal, notEqual } from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { constants } from "node:os";
import { DuplexTransport } from "../../src/transport/duplex.ts";
import { nodeAdapter } from "../../src/transport/node.ts";
import { acceptWithSharedReads } from "../../src/transport/node_reads.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { runtime, skip } from "../harness.ts";
import { Recorder } from "./recorder.ts";
import { limitedTest } from "./support.ts";

const HOST = "127.0.0.1";

function nodeTest(name: string, fn: () => Promise<void>): void {
  if (runtime === "node") limitedTest(name, fn);
  else skip(name, "it is about the sockets of Node");
}

/** What `server._handle` is, as far as the tests touch it. */
interface Handle {
  onconnection: ((error: number, client?: object) => void) | undefined;
}

async function listening(server: Server): Promise<Handle> {
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  return (server as unknown as { _handle: Handle })._handle;
}

function dial(server: Server): Socket {
  return connect((server.address() as AddressInfo).port, HOST).on("error", () => {});
}

nodeTest("Node: all sockets read into the same memory, a client's and a server's", async () => {
  const memories = new Set<ArrayBufferLike>();
  const hooks = { data: (chunk: Uint8Array) => void memories.add(chunk.buffer) };
  const servers: Recorder[] = [];
  const listener = await nodeAdapter.listen({
    hostname: HOST,
    port: 0,
    accept: (transport: Transport) => void servers.push(new Recorder(transport, hooks).attach()),
  });
  const clients = await Promise.all(
    [1, 2].map(async () =>
      new Recorder(await nodeAdapter.connect({ hostname: HOST, port: listener.port }), hooks).attach()
    ),
  );
  for (const [index, client] of clients.entries()) client.write(`client ${index}`);
  while (servers.length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
  await Promise.all(servers.map((server) => server.received(8)));
  for (const server of servers) server.write("server");
  await Promise.all(clients.map((client) => client.received(6)));
  deepEqual(servers.map((server) => server.text).sort(), ["client 0", "client 1"]);
  equal(memories.size, 1);
  for (const each of [...clients, ...servers]) {
    each.abort();
    await each.until(() => each.closed);
    each.verify();
  }
  await listener.close();
});

nodeTest("Node: a server whose handle is another than expected serves its connections as ever", async () => {
  const server = createServer({ allowHalfOpen: true });
  acceptWithSharedReads(server, () => {
    throw new Error("It does not listen, and has no handle.");
  });
  const handle = await listening(server);
  const { onconnection } = handle;
  handle.onconnection = undefined;
  acceptWithSharedReads(server, () => {
    throw new Error("Its handle tells of no connection.");
  });
  handle.onconnection = onconnection;
  const accepting = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const client = dial(server);
  const recorder = new Recorder(new DuplexTransport(await accepting)).attach();
  client.end("text");
  await recorder.until(() => recorder.ended);
  equal(recorder.text, "text");
  recorder.closeWrite();
  client.resume();
  await recorder.until(() => recorder.closed);
  recorder.verify();
  await new Promise((resolve) => server.close(resolve));
});

nodeTest(
  "Node: a connection that cannot be accepted is an error of the server's, as without us",
  async () => {
    const server = createServer();
    const handle = await listening(server);
    const failing = new Promise<NodeJS.ErrnoException>((resolve) => server.once("error", resolve));
    acceptWithSharedReads(server, () => {
      throw new Error("There is nothing to accept.");
    });
    handle.onconnection!(-constants.errno.EMFILE);
    equal((await failing).code, "EMFILE");
    await new Promise((resolve) => server.close(resolve));
  },
);

nodeTest("Node: its diagnostics channel is told of the sockets", async () => {
  const server = createServer();
  await listening(server);
  const told: unknown[] = [];
  const listener = (message: unknown): void => void told.push((message as { socket: Socket }).socket);
  subscribe("net.server.socket", listener);
  const accepting = new Promise<Socket>((resolve) => acceptWithSharedReads(server, resolve));
  const client = dial(server);
  const socket = await accepting;
  unsubscribe("net.server.socket", listener);
  deepEqual(told.map((each) => each === socket), [true]);
  notEqual(socket.remoteAddress, undefined);
  client.destroy();
  socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});
