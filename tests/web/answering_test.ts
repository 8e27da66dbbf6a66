/** What a face can still say and hear at the end: to the messages before a fault, and of the end itself. */
import assert from "node:assert/strict";
import { WebSocket, WebSocketStream } from "../../mod.ts";
import { pair } from "../../src/testing/mod.ts";
import { test } from "../harness.ts";
import { acceptance, closeCodeIn, framesIn, heard, serverFrame, TEXT, textsIn } from "../hostile/support.ts";
import { RawServer } from "../raw_peer.ts";

const FAULTS: Record<string, string> = {
  "a reserved bit": serverFrame({ opcode: TEXT, payload: "x", rsv: 2 }),
  "a reserved opcode": serverFrame({ opcode: 3, payload: "x" }),
  "a reserved control opcode": serverFrame({ opcode: 11 }),
  "a continuation of nothing": serverFrame({ opcode: 0, payload: "x" }),
  "bytes that are no UTF-8": serverFrame({ opcode: TEXT, payload: Uint8Array.of(0xff) }),
};

for (const [name, fault] of Object.entries(FAULTS)) {
  test(`WebSocket: a message before ${name} can be answered, though both came at once`, async () => {
    let answered = "";
    await using raw = await RawServer.listen(async (peer) => {
      peer.write(acceptance(await peer.until("\r\n\r\n")));
      await peer.until("\x81");
      peer.write(
        serverFrame({ opcode: TEXT, payload: "one" }) + serverFrame({ opcode: TEXT, payload: "two" }) + fault,
      );
      answered = heard(await peer.untilEnd()).rest;
      peer.end();
    });
    const socket = new WebSocket(`ws://127.0.0.1:${raw.port}/`);
    socket.onopen = () => socket.send("begin");
    socket.onmessage = ({ data }) => socket.send(data as string);
    const { code, wasClean } = await new Promise<CloseEvent>((
      resolve,
    ) => (socket.onclose = resolve as never));
    assert.deepEqual([code, wasClean], [1006, false]);
    const frames = framesIn(answered, { fromClient: true });
    assert.deepEqual(textsIn(frames), ["begin", "one", "two"]);
    assert.notEqual(closeCodeIn(frames), undefined);
  });
}

test("WebSocket: messages come in order, one for each task, however they are cut; the Close after the last", async () => {
  const ends = pair();
  const socket = WebSocket.from(ends.server);
  const got: string[] = [];
  socket.onmessage = ({ data }) => got.push(data as string);
  const closed = new Promise<CloseEvent>((resolve) => (socket.onclose = resolve as never));
  const said = Array.from({ length: 3000 }, (_, i) => `${i}`);
  for (const message of said) ends.client.send(message);
  await ends.client.close(4001, "bye");
  const { code, reason, wasClean } = await closed;
  assert.deepEqual([code, reason, wasClean], [4001, "bye", true]);
  assert.deepEqual(got, said);
});

test("WebSocketStream: an abrupt end is one object wherever it is told", async () => {
  const ends = pair();
  const socket = WebSocketStream.from(ends.client);
  const { readable, writable } = await socket.opened;
  const [reader, writer] = [readable.getReader(), writable.getWriter()];
  const read = reader.read().catch((error: unknown) => error);
  ends.server.abort();
  const error = await socket.closed.catch((error: unknown) => error);
  assert.equal((error as Error).name, "WebSocketError");
  assert.equal(await read, error);
  assert.equal(await reader.closed.catch((error: unknown) => error), error);
  assert.equal(await writer.closed.catch((error: unknown) => error), error);
  assert.equal(await writer.write("late").catch((error: unknown) => error), error);
});

test("WebSocketStream: a write() whose message went out whole before our Close resolves", async () => {
  const ends = pair({ client: { sendHighWaterMark: 1 } });
  const socket = WebSocketStream.from(ends.client);
  const { writable } = await socket.opened;
  const writing = writable.getWriter().write("x".repeat(300_000));
  socket.close({ closeCode: 1000 });
  const { value } = await ends.server[Symbol.asyncIterator]().next();
  assert.equal(value?.length, 300_000);
  await writing;
  assert.deepEqual(await socket.closed, { closeCode: 1000, reason: "" });
});

test("WebSocketStream: a write() behind close() rejects with an InvalidStateError", async () => {
  const ends = pair();
  const socket = WebSocketStream.from(ends.client);
  const writer = (await socket.opened).writable.getWriter();
  socket.close();
  const error = await writer.write("late").catch((error: unknown) => error);
  assert.equal((error as DOMException).name, "InvalidStateError");
  assert.equal(ends.client.lost, 1);
});

test("WebSocket: a message in pieces, after stream() was used, comes whole, and what follows it", async () => {
  const ends = pair();
  ends.client.send("first");
  for await (const piece of ends.server.stream()) assert.equal(piece, "first");
  const socket = WebSocket.from(ends.server);
  const got: number[] = [];
  socket.onmessage = ({ data }) => got.push((data as string).length);
  const closed = new Promise<CloseEvent>((resolve) => (socket.onclose = resolve as never));
  for (const size of [1_000_000, 3, 200_000]) ends.client.send("x".repeat(size));
  await ends.client.close();
  assert.equal((await closed).code, 1000);
  assert.deepEqual(got, [1_000_000, 3, 200_000]);
});

test("WebSocket: a message that somebody else had asked for before does not hold up the others", async () => {
  const ends = pair();
  const before = ends.server[Symbol.asyncIterator]().next();
  const socket = WebSocket.from(ends.server);
  const got: unknown[] = [];
  socket.onmessage = ({ data }) => got.push(data);
  const closed = new Promise<CloseEvent>((resolve) => (socket.onclose = resolve as never));
  for (const message of ["a", "b", "c"]) ends.client.send(message);
  await ends.client.close();
  await closed;
  assert.equal((await before).value, "a");
  assert.deepEqual(got, ["b", "c"]);
});

test("WebSocket: what had come before the transport broke is still heard, the Close frame too", async () => {
  await using raw = await RawServer.listen(async (peer) => {
    peer.write(acceptance(await peer.until("\r\n\r\n")));
    await peer.until("\x81");
    peer.write(
      ["a", "b", "c", "d"].map((payload) => serverFrame({ opcode: TEXT, payload })).join("") +
        serverFrame({ opcode: 8, payload: Uint8Array.of(3, 232) }),
    );
    await new Promise((resolve) => setTimeout(resolve, 30));
    await peer.destroy();
  });
  const socket = new WebSocket(`ws://127.0.0.1:${raw.port}/`);
  const got: unknown[] = [];
  socket.onopen = () => socket.send("begin");
  socket.onmessage = ({ data }) => {
    got.push(data);
    // An answer to a peer that is gone causes a reset.
    socket.send("x");
    const end = performance.now() + 15;
    while (performance.now() < end);
  };
  const { code, wasClean } = await new Promise<CloseEvent>((resolve) => (socket.onclose = resolve as never));
  assert.deepEqual(got, ["a", "b", "c", "d"]);
  assert.deepEqual([code, wasClean], [1000, true]);
});
