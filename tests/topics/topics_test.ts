/** Subscribing and publishing, among connections in memory. */
import assert from "node:assert/strict";
import { startConnection } from "../../src/connection/connection.ts";
import { connectionSettings } from "../../src/connection/options.ts";
import { setClock } from "../../src/support/clock.ts";
import { Topics } from "../../src/topics/topics.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import { test } from "../harness.ts";
import { inRoom, LIMITS, Recorder, Room, settled } from "./support.ts";

test(
  "a message reaches the subscribers of its topic, and nobody else",
  inRoom(async (room) => {
    const [first, second, other, none] = [room.join(), room.join(), room.join(), room.join()];
    first.socket.subscribe("a");
    second.socket.subscribe("a");
    other.socket.subscribe("b");
    assert.equal(room.topics.publish("a", "text").receivers, 2);
    assert.equal(room.topics.publish("b", Uint8Array.of(1, 2)).receivers, 1);
    await settled();
    assert.deepEqual(first.peer.messages, ["text"]);
    assert.deepEqual(second.peer.messages, ["text"]);
    assert.deepEqual(other.peer.messages, [Uint8Array.of(1, 2)]);
    assert.deepEqual(none.peer.messages, []);
  }),
);

test(
  "a message is encoded once: every transport is given the same bytes, and nobody changes them",
  inRoom(async (room) => {
    const recorders = [new Recorder(), new Recorder(), new Recorder()];
    for (const each of recorders) room.joinOver(each).subscribe("a");
    const other = room.join();
    other.socket.subscribe("a");
    const bytes = Uint8Array.of(1, 2, 3);
    room.topics.publish("a", bytes);
    bytes.fill(9);
    await settled();
    const [frame] = recorders[0]!.written;
    assert.deepEqual(frame, Uint8Array.of(0x82, 3, 1, 2, 3));
    for (const { written } of recorders) {
      assert.equal(written.length, 1);
      assert.equal(written[0], frame);
    }
    assert.deepEqual(other.peer.messages, [Uint8Array.of(1, 2, 3)]);
  }),
);

test(
  "the messages of one turn go to a subscriber in one write, in the order of publishing, with those sent directly",
  inRoom(async (room) => {
    const recorder = new Recorder();
    const socket = room.joinOver(recorder);
    socket.subscribe("a");
    socket.subscribe("b");
    room.topics.publish("a", "1");
    room.topics.publish("b", "2");
    socket.send("3");
    room.topics.publish("a", "4");
    await settled();
    assert.equal(recorder.written.length, 1);
    assert.deepEqual([...recorder.written[0]!], [..."1234"].flatMap((each) => [0x81, 1, each.charCodeAt(0)]));
  }),
);

test(
  "`except` leaves one subscriber out",
  inRoom(async (room) => {
    const [first, second] = [room.join(), room.join()];
    first.socket.subscribe("a");
    second.socket.subscribe("a");
    assert.equal(room.topics.publish("a", "x", { except: first.socket }).receivers, 1);
    await settled();
    assert.deepEqual([first.peer.messages, second.peer.messages], [[], ["x"]]);
  }),
);

test(
  "publishing to nobody does nothing, and says so",
  inRoom(async (room) => {
    const publication = room.topics.publish("nobody", "x");
    assert.equal(publication.receivers, 0);
    await publication.relayed;
    assert.equal(room.topics.size, 0);
    assert.equal(room.topics.dropped, 0);
  }),
);

test(
  "a subscription is one, however often it is made; unsubscribing ends it, and again does nothing",
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.unsubscribe("a");
    socket.subscribe("a");
    socket.subscribe("a");
    assert.equal(room.topics.subscriberCount("a"), 1);
    room.topics.publish("a", "once");
    socket.unsubscribe("a");
    socket.unsubscribe("a");
    assert.equal(room.topics.publish("a", "never").receivers, 0);
    assert.equal(room.topics.subscriberCount("a"), 0);
    await settled();
    assert.deepEqual(peer.messages, ["once"]);
  }),
);

test(
  "socket.topics shows the topics, in a set that changes nothing",
  inRoom((room) => {
    const { socket } = room.join();
    assert.deepEqual([...socket.topics], []);
    socket.subscribe("a");
    socket.subscribe("b");
    (socket.topics as Set<string>).clear();
    assert.deepEqual([...socket.topics], ["a", "b"]);
    for (const topic of socket.topics) socket.unsubscribe(topic);
    assert.deepEqual([...socket.topics], []);
  }),
);

test(
  "empty topics vanish: a hundred thousand subscriptions leave nothing behind",
  inRoom((room) => {
    const { socket } = room.join();
    for (let i = 0; i < 100_000; i++) {
      socket.subscribe(`topic ${i}`);
      socket.unsubscribe(`topic ${i}`);
    }
    assert.equal(room.topics.size, 0);
    assert.equal(socket.topics.size, 0);
  }),
);

for (const how of ["the peer closes", "we close", "the peer vanishes", "we abort"] as const) {
  test(
    `a connection leaves all its topics when ${how}`,
    inRoom(async (room) => {
      const { socket, peer } = room.join();
      const stays = room.join();
      for (const topic of ["a", "b"]) {
        socket.subscribe(topic);
        stays.socket.subscribe(topic);
      }
      if (how === "the peer closes") peer.close();
      else if (how === "we close") void socket.close();
      else if (how === "the peer vanishes") peer.abort();
      else socket.abort();
      await settled();
      assert.deepEqual([...socket.topics], []);
      assert.equal(room.topics.subscriberCount("a"), 1);
      assert.equal(room.topics.publish("a", "x").receivers, 1);
      socket.subscribe("a");
      assert.equal(room.topics.subscriberCount("a"), 1);
      await stays.socket.close();
      assert.equal(room.topics.size, 0);
    }),
  );
}

test(
  "a connection that is told to close gets what was published before, and nothing that is published after",
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("a");
    room.topics.publish("a", "before");
    void socket.close(4000);
    assert.equal(room.topics.publish("a", "after").receivers, 0);
    await socket.closed;
    assert.deepEqual(peer.messages, ["before"]);
    assert.equal(peer.closeCode, 4000);
    assert.equal(socket.dropped, 0);
  }),
);

test(
  "message() may publish, subscribe, unsubscribe and close; open() may subscribe",
  inRoom(async (room) => {
    const [transport, far] = memoryPair();
    const listener = room.join({ open: (socket) => socket.subscribe("a") });
    room.joinOver(transport, {
      open: (socket) => socket.subscribe("a"),
      message(socket, text) {
        room.topics.publish("a", `1 ${text}`);
        room.topics.publish("a", `2 ${text}`, { except: socket });
        socket.unsubscribe("a");
        room.topics.publish("a", `3 ${text}`);
        socket.subscribe("b");
        void socket.close();
        room.topics.publish("b", "to nobody");
      },
    });
    // "hi", masked with zeros.
    far.write(Uint8Array.of(0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69));
    const chunks: number[] = [];
    far.attach({
      data: (chunk) => void chunks.push(...chunk),
      drain() {},
      end: () => far.closeWrite(),
      close() {},
    });
    await settled();
    assert.deepEqual(listener.peer.messages, ["1 hi", "2 hi", "3 hi"]);
    assert.deepEqual(String.fromCharCode(...chunks.slice(2, 6)), "1 hi");
    assert.deepEqual(chunks.slice(6), [0x88, 2, 1000 >> 8, 1000 & 0xff]);
    assert.equal(room.topics.subscriberCount("b"), 0);
  }),
);

test(
  "a topic is a string of 1 to 256 characters, without control characters and lone surrogates",
  inRoom((room) => {
    const { socket } = room.join();
    for (const topic of ["x", "x".repeat(256), "room:42 * > é 握手 😀", "-"]) {
      socket.subscribe(topic);
      assert.equal(room.topics.publish(topic, "").receivers, 1, topic);
    }
    for (const topic of ["", "x".repeat(257), "a\nb", "a\0", "\x7f", "\x85", "\ud800", "\udc00x"]) {
      assert.throws(() => socket.subscribe(topic), RangeError, JSON.stringify(topic));
      assert.throws(() => room.topics.publish(topic, ""), RangeError, JSON.stringify(topic));
    }
    for (const topic of [undefined, 7, null]) {
      assert.throws(() => socket.subscribe(topic as unknown as string), TypeError);
      assert.throws(() => room.topics.publish(topic as unknown as string, ""), TypeError);
    }
    assert.equal(room.topics.size, 4);
  }),
);

test(
  "a connection has at most maxTopics topics, whatever it has unsubscribed from",
  inRoom((room) => {
    const [{ socket }, other] = [room.join(), room.join()];
    socket.subscribe("a");
    socket.subscribe("b");
    assert.throws(() => socket.subscribe("c"), { name: "RangeError", message: /maxTopics/ });
    socket.subscribe("a");
    socket.unsubscribe("a");
    socket.subscribe("c");
    other.socket.subscribe("d");
    assert.deepEqual([...socket.topics], ["b", "c"]);
    assert.equal(room.topics.size, 3);
  }, { maxTopics: 2 }),
);

test(
  "options that cannot be used throw where they are given",
  inRoom((room) => {
    const { socket } = room.join();
    const settings = connectionSettings({});
    for (const wrong of [{ whenSlow: "wait" }, { maxWaiting: 0 }, { maxWaiting: "9" }, { maxWaiting: NaN }]) {
      assert.throws(() => socket.subscribe("a", wrong as object), RangeError);
      assert.throws(() => new Topics({ subscriptions: wrong as object }, settings), RangeError);
    }
    assert.throws(() => new Topics({ maxTopics: -1 }, settings), RangeError);
    assert.equal(room.topics.size, 0);
  }),
);

test(
  "what cannot be sent throws at the call, subscribers or not, and reaches nobody",
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    for (let round = 0; round < 2; round++) {
      assert.throws(() => room.topics.publish("a", 7 as unknown as string), TypeError);
      assert.throws(() => room.topics.publish("a", "x".repeat(1001)), RangeError);
      socket.subscribe("a");
    }
    // 400 characters, 1200 bytes.
    assert.throws(() => room.topics.publish("a", "握".repeat(400)), RangeError);
    room.topics.publish("a", new Uint16Array([0x201]));
    room.topics.publish("a", new ArrayBuffer(1));
    await settled();
    assert.deepEqual(peer.messages, [Uint8Array.of(1, 2), Uint8Array.of(0)]);
    assert.equal(socket.readyState, "open");
  }),
);

test("a client's connection has no topics", async () => {
  const [transport] = memoryPair();
  const socket = startConnection(
    {
      home: {
        role: "client",
        settings: connectionSettings(LIMITS),
        handlerFailed: () => {},
      },
      transport,
      protocol: "",
      extensions: "",
      data: undefined,
      request: undefined,
    },
    undefined,
    new Uint8Array(0),
  );
  assert.throws(() => socket.subscribe("a"), TypeError);
  socket.unsubscribe("a");
  assert.deepEqual([...socket.topics], []);
  assert.equal(socket.dropped, 0);
  socket.abort();
  await socket.closed;
});

test(
  "a published message is a message: it puts idleTimeout off",
  async () => {
    let time = 0;
    let tick = (): void => {};
    setClock({
      now: () => time,
      every(_, call) {
        tick = call;
        return () => {};
      },
    });
    const room = new Room({ idleTimeout: 1000 });
    try {
      const { socket } = room.join();
      socket.subscribe("a");
      for (let i = 0; i < 4; i++) {
        room.topics.publish("a", "x");
        time += 800;
        tick();
        assert.equal(socket.readyState, "open");
      }
      for (let waited = 0; waited < 1250; waited += 250) {
        time += 250;
        tick();
      }
      assert.equal(socket.readyState, "closing");
    } finally {
      setClock();
      await room.leave();
    }
  },
);
