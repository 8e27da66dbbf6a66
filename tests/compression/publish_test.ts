/** publish(): compressed once for all who are alike, and never a wrong byte between messages of a connection's own. */
import assert from "node:assert/strict";
import { connect, type ConnectionOptions, type RelayedMessage, type RelayLink, serve } from "../../mod.ts";
import { type Carried, type Member, Room, turn } from "./support.ts";
import { test } from "../harness.ts";
import { type EndOptions, RecordingCodec } from "../permessage_deflate/support.ts";
import { bytesOf, hex, noise, random } from "../protocol/frames.ts";
import { take, Tap } from "../connection/streaming_support.ts";

const TEXT = "all that is published, and published again, and published again, and published again";

function datas(carried: readonly Carried[]): (string | Uint8Array)[] {
  return carried.map(({ data }) => data);
}

/** The last message that came, as bytes of its payload. */
function lastPayload({ listener }: Member): string {
  return hex(listener.frames.at(-1)!.payload);
}

test("publish(): one compression for each window and level, whatever the mode, and none for those without", async () => {
  await using room = new Room();
  const codec = new RecordingCodec();
  const kinds: EndOptions[] = [
    { bits: 15, takeover: true, codec },
    { bits: 15, takeover: false, codec },
    { bits: 10, takeover: true, codec },
    { bits: 15, level: 9, codec },
  ];
  const members = kinds.map((kind) => [room.join(kind), room.join(kind), room.join(kind)]);
  const plain = [room.join(), room.join()];
  const large = bytesOf(TEXT.repeat(30));
  for (const data of [TEXT, large, TEXT]) {
    const before = codec.deflated.length;
    assert.equal(room.topics.publish("all", data).receivers, 14);
    assert.equal(codec.deflated.length - before, 3);
    await turn();
    const [first, shared, small, hard] = members.map((alike) => new Set(alike.map(lastPayload)));
    for (const payloads of [first, shared, small, hard]) assert.equal(payloads!.size, 1);
    assert.deepEqual(first, shared, "takeover or not, they get the same bytes");
  }
  for (const { listener } of members.flat()) {
    assert.deepEqual(datas(listener.carried), [TEXT, large, TEXT]);
    assert.ok(listener.carried.every((each) => each.compressed));
  }
  for (const { listener } of plain) assert.deepEqual(datas(listener.carried), [TEXT, large, TEXT]);
  assert.ok(codec.deflated.every(({ window }) => window.length === 0), "each afresh");
});

test("publish(): compress goes before the threshold, and what would not become smaller goes out as it is", async () => {
  await using room = new Room();
  const codec = new RecordingCodec();
  const members = [1, 2, 3].map((_, index) => room.join({ threshold: 100, codec, takeover: index === 0 }));
  const cases: [string | Uint8Array, boolean | undefined, boolean, number][] = [
    [TEXT.repeat(2), undefined, true, 1],
    [TEXT, undefined, false, 0],
    [TEXT, true, true, 1],
    [TEXT.repeat(2), false, false, 0],
    ["é".repeat(49), undefined, false, 0],
    ["é".repeat(50), undefined, true, 1],
    ["é".repeat(70_000), undefined, true, 1],
    // Tried once, for all.
    [noise(1000), undefined, false, 1],
    ["", true, true, 0],
    ["", undefined, false, 0],
  ];
  for (const [data, compress, expected, encodings] of cases) {
    const before = codec.deflated.length;
    room.topics.publish("all", data, compress === undefined ? {} : { compress });
    assert.equal(codec.deflated.length - before, encodings);
    await turn();
    for (const { listener } of members) {
      const last = listener.carried.at(-1)!;
      assert.deepEqual([last.data, last.compressed], [data, expected], String(data).slice(0, 100));
    }
  }
});

test("publish(): the threshold is of the message, however long its frame's header is", async () => {
  for (const threshold of [0, 5, 125, 126, 127, 200, 65_535, 65_536, 70_000]) {
    await using room = new Room();
    const { listener } = room.join({ threshold });
    const sizes = [threshold - 1, threshold, threshold + 1].filter((size) => size > 20 || size === threshold);
    for (const size of sizes) room.topics.publish("all", new Uint8Array(size), {});
    await turn();
    assert.deepEqual(
      listener.carried.map(({ data, compressed }) => [data.length, compressed]),
      sizes.map((size) => [size, size >= threshold && (size > 10 || size === 0)]),
    );
  }
});

test("publish(): a topic whose subscribers do not compress costs no compression", async () => {
  await using room = new Room({ compression: true });
  const member = room.join();
  room.topics.publish("all", TEXT, { compress: true });
  await turn();
  const { data, compressed } = member.listener.carried[0]!;
  assert.deepEqual([data, compressed], [TEXT, false]);
});

test("publish(): between messages of the connections' own, in any order, each is read as it was sent", async () => {
  for (const seed of [1, 2, 3]) {
    const next = random(seed);
    await using room = new Room();
    const kinds: (EndOptions | undefined)[] = [
      { bits: 15 },
      { bits: 15 },
      { bits: 9 },
      { bits: 8 },
      { bits: 12, takeover: false },
      undefined,
    ];
    const members = kinds.map((kind) => ({ ...room.join(kind), expected: [] as string[] }));
    for (let round = 0; round < 150; round++) {
      const text = `${round} ${TEXT.slice(next(40))} ${round * round}`;
      const compress = [undefined, true, false][next(3)];
      const options = compress === undefined ? {} : { compress };
      if (next(3) === 0) {
        room.topics.publish("all", text, options);
        for (const { expected } of members) expected.push(text);
      } else {
        const { socket, expected } = members[next(members.length)]!;
        socket.send(text, options);
        expected.push(text);
      }
      if (next(5) === 0) await turn();
    }
    await turn();
    for (const { listener, expected } of members) assert.deepEqual(datas(listener.carried), expected);
    const [takeover] = members;
    const sizes = takeover!.listener.carried.filter(({ compressed }) => compressed).map(({ size }) => size);
    assert.ok(sizes.some((size) => size < 30), "the context is taken over between them");
  }
});

test("publish(): what waits for a slow subscriber is sent as it was compressed, and the context begins anew then", async () => {
  for (const whenSlow of ["keep", "drop-oldest", "latest"] as const) {
    await using room = new Room({
      sendHighWaterMark: 100,
      maxBufferedAmount: 100_000,
      subscriptions: { whenSlow, maxWaiting: 3 },
    });
    const codec = new RecordingCodec();
    const slow = room.join({ bits: 15, codec });
    const fast = room.join({ bits: 15, codec });
    slow.listener.pause();
    const own = (name: string): string => `${name}: ${TEXT.slice(0, 40)}`;
    const sent: string[] = [];
    // Until it is behind: what is sent now goes before all that is published afterwards.
    for (let i = 0; i < 12; i++) {
      const text = own(`own ${i} ${noise(40, i).join(" ")}`);
      slow.socket.send(text);
      sent.push(text);
      await turn();
    }
    const published = Array.from({ length: 6 }, (_, index) => own(`published ${index}`));
    const before = codec.deflated.length;
    for (const text of published) {
      assert.equal(room.topics.publish("all", text, whenSlow === "latest" ? { key: "k" } : {}).receivers, 2);
      await turn();
    }
    assert.equal(codec.deflated.length - before, 6, "once for both");
    slow.socket.send(own("own after"));
    await slow.listener.resume();
    slow.socket.send(own("own at last"));
    await turn();
    const kept = whenSlow === "keep" ? published : published.slice(whenSlow === "latest" ? -1 : -3);
    const got = datas(slow.listener.carried);
    assert.deepEqual([...got].sort(), [...sent, own("own after"), ...kept, own("own at last")].sort());
    assert.deepEqual(got.filter((text) => kept.includes(text as string)), kept);
    assert.deepEqual(datas(fast.listener.carried), published);
    assert.equal(slow.socket.dropped, 6 - kept.length);
  }
});

test("publish(): during a compressed stream it waits for its end", async () => {
  await using room = new Room();
  const { socket, listener } = room.join();
  const compressing = room.join({ bits: 15 });
  for (const member of [{ socket, listener }, compressing]) {
    const tap = new Tap();
    const sent = member.socket.sendStream(tap, { compress: true });
    await tap.give(TEXT);
    room.topics.publish("all", TEXT);
    member.socket.send("own", { compress: true });
    await tap.give(TEXT);
    await tap.give(undefined);
    await sent;
    await turn();
    assert.deepEqual(datas(member.listener.carried).slice(-3), [TEXT + TEXT, "own", TEXT]);
  }
  assert.ok(compressing.listener.carried.slice(-3).some(({ compressed }) => compressed));
});

test("publish(): the choice to compress goes through a relay, both ways", async () => {
  const published: RelayedMessage[] = [];
  let deliver!: (message: RelayedMessage) => number;
  const link: RelayLink = {
    subscribed: () => {},
    unsubscribed: () => {},
    publish: (message) => void published.push({ ...message }),
  };
  await using room = new Room({
    relay: (give) => {
      deliver = give;
      return link;
    },
  });
  const { listener } = room.join({ threshold: 100 });
  for (const compress of [true, false, undefined]) {
    room.topics.publish("all", TEXT, compress === undefined ? {} : { compress });
    deliver({ topic: "all", data: TEXT, key: undefined, compress });
  }
  deliver({ topic: "all", data: TEXT, key: undefined });
  await turn();
  assert.deepEqual(published.map(({ compress }) => compress), [true, false, undefined]);
  assert.deepEqual(listener.carried.map(({ compressed }) => compressed), [
    ...[true, true, false, false, false, false],
    false,
  ]);
});

test("publish(): over TCP, to clients of both modes and of none, with echoes in between", async () => {
  await using server = await serve({ port: 0, compression: { mode: "context-takeover" } }, {
    open: (socket) => socket.subscribe("all"),
    message: (socket, message) => void socket.send(message),
  });
  const modes: ConnectionOptions[] = [
    { compression: true },
    { compression: { mode: "context-takeover" } },
    { compression: { mode: "context-takeover", peerWindowBits: 9 } },
    { compression: false },
    {},
  ];
  const sockets = await Promise.all(modes.map((options) => connect(server.url, options)));
  const long = TEXT.repeat(5);
  for (let round = 0; round < 5; round++) {
    for (const socket of sockets) {
      socket.send(`${long} ${round}`);
      assert.deepEqual(await take(socket, 1), [`${long} ${round}`]);
    }
    assert.equal(server.publish("all", `${round} ${long}`).receivers, 5);
    for (const socket of sockets) assert.deepEqual(await take(socket, 1), [`${round} ${long}`]);
  }
  await Promise.all(sockets.map((socket) => socket.close()));
});
