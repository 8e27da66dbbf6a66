/** Published messages, and one that is being streamed to the same connection. */
import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { inRoom, message, settled } from "./support.ts";

test(
  "a streamed message is not mixed with published ones: they wait for its end, behind what was sent meanwhile",
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    for (const whenSlow of ["keep", "drop-oldest", "latest", "close"] as const) {
      socket.subscribe(whenSlow, { whenSlow });
    }
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    const stream = socket.sendStream((async function* () {
      yield "one ";
      await released;
      yield "message";
    })());
    await settled();
    for (const topic of socket.topics) assert.equal(room.topics.publish(topic, topic).receivers, 1);
    socket.send("direct");
    assert.ok(socket.bufferedAmount > 0);
    await settled();
    assert.deepEqual(peer.messages, []);
    release();
    await stream;
    await settled();
    assert.deepEqual(peer.messages, ["one message", "direct", "keep", "drop-oldest", "latest", "close"]);
    assert.equal(socket.bufferedAmount, 0);
    assert.equal(room.topics.dropped, 0);
  }, { sendHighWaterMark: 500 }),
);

test(
  "what waits for a streamed message goes out at its end, though nothing else is sent then",
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("a");
    const stream = socket.sendStream(["one ", "message"]);
    room.topics.publish("a", "after");
    await stream;
    await settled();
    assert.deepEqual(peer.messages, ["one message", "after"]);
  }),
);

test(
  "what waits for a streamed message that is broken off is lost, and counted",
  inRoom(async (room) => {
    let fail!: (error: Error) => void;
    const { socket, peer } = room.join(() => new Promise((_, reject) => (fail = reject)));
    socket.subscribe("a");
    const stream = socket.sendStream((async function* () {
      yield "half a ";
      await socket.closed;
      yield "message";
    })());
    await settled();
    room.topics.publish("a", "after");
    fail(new Error("from the handler"));
    await assert.rejects(stream);
    assert.deepEqual(peer.messages, []);
    assert.equal(peer.closeCode, 1011);
    assert.equal(socket.dropped, 1);
    assert.equal(room.topics.dropped, 1);
  }),
);

test(
  "what waits for a streamed message goes out before the Close frame",
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("a");
    const stream = socket.sendStream(["one ", "message"]);
    room.topics.publish("a", message("after"));
    void socket.close();
    assert.equal(room.topics.publish("a", "too late").receivers, 0);
    await stream;
    await socket.closed;
    assert.deepEqual(peer.names, ["one message", "after"]);
    assert.equal(peer.closeCode, 1000);
  }),
);
