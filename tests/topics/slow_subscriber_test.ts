/** What becomes of messages for a subscriber that does not read: each policy, and every lost message counted. */
import assert from "node:assert/strict";
import type { WhenSlow } from "../../src/connection/subscriptions.ts";
import { test } from "../harness.ts";
import { inRoom, message, numbers, publish, Recorder, settled } from "./support.ts";

test(
  'whenSlow "keep" is the default: messages wait up to maxBufferedAmount, and none is lost',
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("a");
    peer.pause();
    assert.equal((await publish(room, "a", 1, 10)).length, 10);
    assert.equal(socket.bufferedAmount, 3 * 50 + 7 * (50 + 64));
    await peer.resume();
    assert.deepEqual(peer.names, numbers(1, 10));
    assert.equal(socket.bufferedAmount, 0);
    assert.equal(socket.dropped, 0);
    assert.deepEqual(room.events, []);
    assert.equal(socket.readyState, "open");
  }),
);

test(
  'whenSlow "keep" closes with 1013 when maxBufferedAmount is passed; what is lost with it is counted',
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("a");
    socket.subscribe("b");
    peer.pause();
    assert.equal((await publish(room, "a", 1, 13)).length, 10);
    assert.equal(socket.readyState, "closing");
    // Seven that waited, and the eleventh; it was no subscriber any more for those after.
    assert.equal(socket.dropped, 8);
    assert.equal(room.topics.dropped, 8);
    assert.equal(room.topics.size, 0);
    assert.deepEqual(room.events, [
      { kind: "slow-subscriber", socket, topic: "a", whenSlow: "keep", closed: true, dropped: 8 },
    ]);
    await peer.resume();
    assert.deepEqual(peer.names, numbers(1, 3));
    assert.equal(peer.closeCode, 1013);
    const { error, initiator } = await socket.closed;
    assert.match(error!.message, /"a".*maxBufferedAmount/);
    assert.equal(initiator, "local");
  }),
);

test(
  'whenSlow "drop-oldest" keeps the last maxWaiting messages of the topic, in order',
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("a", { whenSlow: "drop-oldest", maxWaiting: 4 });
    peer.pause();
    assert.equal((await publish(room, "a", 1, 60)).length, 60);
    assert.equal(socket.dropped, 60 - 3 - 4);
    assert.equal(room.topics.dropped, 53);
    assert.deepEqual(room.events, [
      { kind: "slow-subscriber", socket, topic: "a", whenSlow: "drop-oldest", closed: false, dropped: 1 },
    ]);
    await peer.resume();
    assert.deepEqual(peer.names, [...numbers(1, 3), ...numbers(57, 60)]);
    assert.equal(socket.bufferedAmount, 0);

    // It has caught up; the next time that it falls behind is reported anew.
    peer.pause();
    await publish(room, "a", 61, 68);
    assert.equal(socket.dropped, 53 + 1);
    assert.deepEqual(room.events.map(({ dropped }) => dropped), [1, 54]);
    await peer.resume();
    assert.deepEqual(peer.names.slice(7), [...numbers(61, 63), ...numbers(65, 68)]);
  }),
);

test(
  'whenSlow "drop-oldest" never passes maxBufferedAmount, and gives way to what must not be dropped',
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("droppable", { whenSlow: "drop-oldest", maxWaiting: 1000 });
    socket.subscribe("kept");
    peer.pause();
    assert.equal((await publish(room, "droppable", 1, 100)).length, 100);
    assert.equal(socket.dropped, 100 - 3 - 7);
    assert.ok(socket.bufferedAmount <= 1000);
    room.topics.publish("kept", message("kept"));
    assert.equal(socket.dropped, 91);
    assert.equal(socket.send(message("direct")), false);
    assert.equal(socket.dropped, 91);
    assert.equal(socket.send(message("direct too")), false);
    assert.equal(socket.dropped, 92);
    assert.ok(socket.bufferedAmount <= 1000 + 4);
    await peer.resume();
    assert.deepEqual(peer.names, [
      ...numbers(1, 3),
      "direct",
      "direct too",
      ...numbers(96, 100),
      "kept",
    ]);
    assert.equal(socket.readyState, "open");
  }),
);

test(
  'whenSlow "drop-oldest" loses a message for which there is no room even so, and nothing else',
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("a", { whenSlow: "drop-oldest" });
    peer.pause();
    socket.send("x".repeat(60));
    // 62 bytes are below the high-water mark, so that no event would come for what waits.
    assert.equal(room.topics.publish("a", "x".repeat(950)).receivers, 0);
    assert.equal(socket.dropped, 1);
    await publish(room, "a", 1, 2);
    assert.equal(room.topics.publish("a", "y".repeat(900)).receivers, 0);
    assert.equal(room.topics.publish("a", message(3)).receivers, 1);
    assert.equal(socket.dropped, 2);
    await peer.resume();
    assert.deepEqual(peer.names, ["x".repeat(60), ...numbers(1, 3)]);
    assert.equal(room.events.length, 1);
  }),
);

test(
  "what is larger than the room that is left closes a subscriber that keeps everything, however fast it is",
  inRoom(async (room) => {
    const { socket } = room.join();
    socket.subscribe("a");
    socket.send("x".repeat(60));
    assert.equal(room.topics.publish("a", "x".repeat(950)).receivers, 0);
    assert.equal((await socket.closed).initiator, "local");
    assert.equal(socket.dropped, 1);
  }),
);

test(
  'whenSlow "latest" keeps the last message for each key, in the order of publishing; each replaced one is counted',
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("prices", { whenSlow: "latest" });
    peer.pause();
    await publish(room, "prices", 1, 3);
    for (const [key, value] of [["a", 1], ["b", 1], ["a", 2], ["c", 1], ["a", 3], ["c", 2]] as const) {
      assert.equal(room.topics.publish("prices", message(`${key}${value}`), { key }).receivers, 1);
    }
    room.topics.publish("prices", message("no key 1"));
    room.topics.publish("prices", message("no key 2"));
    assert.equal(socket.dropped, 4);
    assert.equal(room.topics.dropped, 4);
    await settled();
    assert.equal(room.events.length, 1);
    assert.equal(room.events[0]!.closed, false);
    await peer.resume();
    assert.deepEqual(peer.names, ["1", "2", "3", "b1", "a3", "c2", "no key 2"]);
  }),
);

test(
  'whenSlow "latest" loses no key: when all of them are too much, it closes with 1013',
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("a", { whenSlow: "latest" });
    peer.pause();
    await publish(room, "a", 1, 3);
    for (let key = 1; key <= 8; key++) room.topics.publish("a", message(key), { key: String(key) });
    assert.equal(socket.readyState, "closing");
    assert.equal(socket.dropped, 8);
    await peer.resume();
    assert.equal(peer.closeCode, 1013);
    assert.deepEqual(room.events.map(({ whenSlow, closed }) => [whenSlow, closed]), [["latest", true]]);
  }),
);

test(
  'whenSlow "close" closes with 1013 as soon as more than sendHighWaterMark waits',
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("a", { whenSlow: "close" });
    peer.pause();
    assert.equal((await publish(room, "a", 1, 5)).length, 3);
    assert.equal(socket.dropped, 1);
    assert.deepEqual(room.events.map(({ closed, dropped }) => [closed, dropped]), [[true, 1]]);
    await peer.resume();
    assert.deepEqual(peer.names, numbers(1, 3));
    assert.equal(peer.closeCode, 1013);
    assert.match((await socket.closed).error!.message, /sendHighWaterMark/);
  }),
);

for (const whenSlow of ["keep", "drop-oldest", "latest", "close"] as const satisfies WhenSlow[]) {
  test(
    `whenSlow "${whenSlow}": a subscriber that reads gets everything, whatever becomes of the slow one beside it`,
    inRoom(async (room) => {
      const [before, slow, after] = [room.join(), room.join(), room.join()];
      for (const { socket } of [before, slow, after]) socket.subscribe("a", { whenSlow, maxWaiting: 2 });
      slow.peer.pause();
      await publish(room, "a", 1, 40);
      for (const { socket, peer } of [before, after]) {
        assert.deepEqual(peer.names, numbers(1, 40));
        assert.equal(socket.dropped, 0);
        assert.equal(socket.readyState, "open");
      }
      assert.ok(slow.socket.dropped > 0);
      assert.equal(room.topics.dropped, slow.socket.dropped);
    }),
  );
}

test(
  "topics of different policies keep the order of publishing among what remains",
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("keep");
    socket.subscribe("drop", { whenSlow: "drop-oldest", maxWaiting: 2 });
    socket.subscribe("latest", { whenSlow: "latest" });
    peer.pause();
    await publish(room, "keep", 1, 3);
    for (const [topic, name] of ["drop", "keep", "latest", "drop", "latest", "keep", "drop"].entries()) {
      room.topics.publish(name, message(`${name}${topic}`));
    }
    await peer.resume();
    assert.deepEqual(peer.names, ["1", "2", "3", "keep1", "drop3", "latest4", "keep5", "drop6"]);
    assert.equal(socket.dropped, 2);
  }),
);

test(
  "subscribing again changes the policy of what comes, and loses nothing of what waits without counting it",
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("a", { whenSlow: "latest" });
    peer.pause();
    await publish(room, "a", 1, 4);
    socket.subscribe("a", { whenSlow: "keep" });
    await publish(room, "a", 5, 6);
    socket.subscribe("a", { whenSlow: "drop-oldest", maxWaiting: 1 });
    await publish(room, "a", 7, 8);
    socket.subscribe("a", { whenSlow: "latest" });
    await publish(room, "a", 9, 10);
    await peer.resume();
    assert.equal(peer.names.length + socket.dropped, 10);
    assert.deepEqual(peer.names, ["1", "2", "3", "5", "6", "8", "10"]);
  }),
);

test(
  "what waits goes out before the Close frame, and after the topic was left",
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("a");
    peer.pause();
    await publish(room, "a", 1, 6);
    socket.unsubscribe("a");
    void socket.close(4001);
    await peer.resume();
    assert.deepEqual(peer.names, numbers(1, 6));
    assert.equal(peer.closeCode, 4001);
    assert.equal(socket.dropped, 0);
  }),
);

test(
  "what waits when the connection ends is lost, and counted",
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("a");
    peer.pause();
    await publish(room, "a", 1, 6);
    socket.abort();
    assert.equal(socket.dropped, 3);
    assert.equal(room.topics.dropped, 3);
    assert.equal(socket.bufferedAmount, 0);
    await socket.closed;
    assert.equal(socket.dropped, 3);
  }),
);

test(
  "a subscriber that is behind catches up by steps, each as the buffer allows",
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("a");
    peer.pause();
    await publish(room, "a", 1, 10);
    const waiting = socket.bufferedAmount;
    const drained = socket.drained();
    await peer.resume();
    await drained;
    assert.ok(waiting > 100);
    assert.deepEqual(peer.names, numbers(1, 10));
    await publish(room, "a", 11, 12);
    assert.deepEqual(peer.names, numbers(1, 12));
  }),
);

test(
  "a buffer that is emptying, and not yet empty, lets nothing overtake what waits",
  inRoom(async (room) => {
    const recorder = new Recorder();
    const socket = room.joinOver(recorder);
    socket.subscribe("a");
    recorder.bufferedAmount = 101;
    socket.send("0");
    await settled();
    room.topics.publish("a", "1");
    recorder.bufferedAmount = 50;
    room.topics.publish("a", "2");
    await settled();
    assert.equal(recorder.written.length, 1);
    recorder.bufferedAmount = 0;
    recorder.handler.drain();
    room.topics.publish("a", "3");
    await settled();
    assert.deepEqual(
      recorder.written.map((each) => String.fromCharCode(each[2]!, each[5] ?? 0, each[8] ?? 0)),
      [
        "0\0\0",
        "123",
      ],
    );
  }),
);

test(
  "what was dropped or has gone out takes no room any more",
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("droppable", { whenSlow: "drop-oldest", maxWaiting: 3 });
    socket.subscribe("kept");
    for (let round = 0; round < 3; round++) {
      peer.pause();
      await publish(room, "droppable", 1, 10);
      assert.equal(socket.bufferedAmount, 3 * 50 + 3 * 114);
      await peer.resume();
      assert.equal(socket.bufferedAmount, 0);
    }
    peer.pause();
    await publish(room, "kept", 1, 10);
    assert.equal(socket.readyState, "open");
    assert.equal(room.topics.publish("kept", message(11)).receivers, 0);
    assert.equal(socket.readyState, "closing");
  }),
);

test(
  "a server's options say what subscribe() does by default",
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("a");
    socket.subscribe("b", { maxWaiting: 2 });
    peer.pause();
    await publish(room, "a", 1, 6);
    await publish(room, "b", 7, 9);
    await peer.resume();
    assert.deepEqual(peer.names, ["1", "2", "3", "6", "8", "9"]);
  }, { subscriptions: { whenSlow: "drop-oldest", maxWaiting: 1 } }),
);
