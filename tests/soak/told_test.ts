/** Where the peer closes first, what this end had accepted may be lost: then it is told. */
import assert from "node:assert/strict";
import { type Close, type Connection, serve } from "../../mod.ts";
import { pair } from "../../src/testing/mod.ts";
import { test } from "../harness.ts";
import { dial, type RawPeer, REQUEST } from "../raw_peer.ts";

const CLOSE_1000 = "\x88\x82\x00\x00\x00\x00\x03\xe8";
/** More than all buffers of the system between two sockets. */
const BACKLOG = 12 * 2 ** 20;

/** A connection of a server that has more to send than its peer reads, and the peer. */
async function congested(
  then: (peer: RawPeer, socket: Connection) => Promise<void>,
  closeTimeout: number,
): Promise<void> {
  let opened!: (socket: Connection) => void;
  const opening = new Promise<Connection>((resolve) => opened = resolve);
  const server = await serve({ port: 0, closeTimeout }, { open: (socket) => opened(socket) });
  const peer = await dial(server.port);
  peer.write(REQUEST);
  await peer.until("\r\n\r\n");
  peer.pause();
  const socket = await opening;
  socket.send(new Uint8Array(BACKLOG));
  await then(peer, socket);
  await peer.destroy();
  await server.shutdown();
}

function assertTold({ wasClean, error }: Close, { bufferedAmount }: Connection): void {
  assert.ok(!wasClean || error !== undefined || bufferedAmount > 0, "the loss was told");
}

test("a peer that closes and is gone before it has read what waited: the Close says that something went wrong", () =>
  congested(async (peer, socket) => {
    peer.write(CLOSE_1000);
    while (socket.readyState === "open") await new Promise((resolve) => setTimeout(resolve, 1));
    await peer.destroy();
    assertTold(await socket.closed, socket);
  }, 60_000));

test("a peer that closes and does not read what waited within closeTimeout: the Close says so", () =>
  congested(async (peer, socket) => {
    peer.write(CLOSE_1000);
    assertTold(await socket.closed, socket);
  }, 50));

test("a message that waits for a streamed one when the peer closes: it can be seen that it was not sent", async () => {
  await using ends = pair();
  const { client, server } = ends;
  let stop!: () => void;
  const stopped = new Promise<void>((resolve) => stop = resolve);
  const stream = client.sendStream((async function* () {
    yield "a message that is not ";
    await stopped;
    yield "finished";
  })());
  assert.equal(client.send("accepted"), false);
  await server.close(1001);
  stop();
  await assert.rejects(stream, { name: "ConnectionClosedError" });
  assertTold(await client.closed, client);
});
