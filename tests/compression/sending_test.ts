/** Compression as applications use it: send(), sendStream(), ping() and the limits. */
import assert from "node:assert/strict";
import { ConnectionClosedError, type ConnectionOptions, type Message } from "../../mod.ts";
import { zlibCodec } from "../../src/compression/zlib_codec.ts";
import { type Pair, pair } from "../../src/testing/mod.ts";
import { carried, framesOf } from "./support.ts";
import { type FakeClock, settled, withClock } from "../fake_clock.ts";
import { test } from "../harness.ts";
import { bytesOf, frame, noise } from "../protocol/frames.ts";
import { pieces, take, Tap } from "../connection/streaming_support.ts";

const TEXT = "all that is said, and said again, and said again, and said again";
const LONG = TEXT.repeat(10);
const PING = 9;
const KEY = [1, 2, 3, 4];

const SHARED: ConnectionOptions = { compression: true };
const TAKEOVER: ConnectionOptions = { compression: { mode: "context-takeover" } };

function joined(client: ConnectionOptions = SHARED, server: ConnectionOptions = client): Pair {
  return pair({ client, server, network: { record: true } });
}

/** Whether each message of the client was compressed, in order. */
function compressed({ client, network }: Pair): boolean[] {
  return carried(framesOf(network.toServer, "client"), client.extensions, "client").map((each) =>
    each.compressed
  );
}

test("send(): compress goes before the threshold, which is 128 bytes unless told otherwise", async () => {
  for (const options of [SHARED, TAKEOVER]) {
    await using ends = joined(options);
    const { client } = ends;
    const cases: [string, boolean | undefined, boolean][] = [
      ["a".repeat(127), undefined, false],
      ["a".repeat(128), undefined, true],
      ["é".repeat(63), undefined, false],
      ["é".repeat(64), undefined, true],
      ["a".repeat(127), true, true],
      ["a".repeat(20), true, true],
      ["a".repeat(128), false, false],
      [LONG, false, false],
    ];
    const sent: Message[] = [];
    for (const [text, compress] of cases) {
      for (const message of [text, bytesOf(text)]) {
        sent.push(message);
        client.send(message, compress === undefined ? {} : { compress });
      }
    }
    assert.deepEqual(await take(ends.server, sent.length), sent);
    assert.deepEqual(compressed(ends), cases.flatMap(([, , expected]) => [expected, expected]));
  }
  await using ends = joined({ compression: { threshold: 10 } });
  for (const size of [9, 10]) ends.client.send("a".repeat(size));
  await take(ends.server, 2);
  assert.deepEqual(compressed(ends), [false, true]);
});

test("send(): views and buffers are compressed, and may be written to afterwards", async () => {
  for (const options of [SHARED, TAKEOVER]) {
    await using ends = joined(options);
    const bytes = new Uint8Array(bytesOf("--", LONG, "--"));
    const view = new DataView(bytes.buffer, 2, LONG.length);
    for (let i = 0; i < 2; i++) {
      ends.client.send(view);
      ends.client.send(bytes.buffer);
    }
    bytes.fill(0);
    const whole = bytesOf("--", LONG, "--");
    assert.deepEqual(await take(ends.server, 4), [bytesOf(LONG), whole, bytesOf(LONG), whole]);
    assert.deepEqual(compressed(ends), [true, true, true, true]);
  }
});

test("send(): compress without permessage-deflate has no effect", async () => {
  await using ends = joined(SHARED, {});
  ends.client.send(LONG, { compress: true });
  await ends.client.sendStream([LONG], { compress: true });
  assert.deepEqual(await take(ends.server, 2), [LONG, LONG]);
  assert.deepEqual(compressed(ends), [false, false]);
});

test("send(): what would not become smaller goes out as it is", async () => {
  await using ends = joined(TAKEOVER);
  const messages = [noise(1000), "abc", LONG, noise(1000), LONG];
  for (const message of messages) ends.client.send(message, { compress: true });
  assert.deepEqual(await take(ends.server, 5), messages);
  assert.deepEqual(compressed(ends), [false, false, true, false, true]);
});

test("sendStream(): compressed if asked for, and messages sent meanwhile keep their own choice", async () => {
  for (const options of [SHARED, TAKEOVER]) {
    await using ends = joined(options);
    const tap = new Tap();
    const sent = ends.client.sendStream(tap, { compress: true });
    await tap.give(TEXT);
    ends.client.send(LONG);
    ends.client.send(LONG, { compress: false });
    ends.client.send("short", { compress: true });
    ends.client.send("s".repeat(100), { compress: true });
    ends.client.send(bytesOf(LONG));
    ends.client.send(bytesOf(LONG), { compress: false });
    ends.client.send(new Uint8Array(100), { compress: true });
    const plain = ends.client.sendStream([LONG, TEXT]);
    const last = ends.client.sendStream([bytesOf(TEXT), bytesOf(TEXT)], { compress: true });
    await tap.give("");
    await tap.give("é");
    await tap.give(undefined);
    await Promise.all([sent, plain, last]);
    const texts = [LONG, LONG, "short", "s".repeat(100)];
    const binaries = [bytesOf(LONG), bytesOf(LONG), new Uint8Array(100)];
    assert.deepEqual(await take(ends.server, 10), [
      ...[TEXT + "é", ...texts, ...binaries],
      ...[LONG + TEXT, bytesOf(TEXT, TEXT)],
    ]);
    assert.deepEqual(compressed(ends), [
      ...[true, true, false, false, true, true, false, true],
      ...[false, true],
    ]);
  }
});

test("RFC 7692, section 6.1: a compressed stream is many fragments, RSV1 on the first, and large chunks are several", async () => {
  for (const options of [SHARED, TAKEOVER]) {
    await using ends = joined(options);
    const chunk = new Uint8Array(200_000).map((_, index) => index >>> 4);
    await ends.client.sendStream([chunk, chunk], { compress: true });
    const [message] = await take(ends.server, 1);
    assert.deepEqual(message, bytesOf(chunk, chunk));
    const frames = framesOf(ends.network.toServer, "client");
    assert.ok(frames.length > 5);
    assert.deepEqual(frames.map((each) => each.compressed), frames.map((_, index) => index === 0));
    assert.deepEqual(frames.map(({ fin }) => fin), frames.map((_, index) => index === frames.length - 1));
    const size = frames.reduce((sum, { payload }) => sum + payload.length, 0);
    assert.ok(size < chunk.length / 2, `${size} bytes`);
  }
});

const PINGS: ConnectionOptions = { heartbeat: { interval: 100, timeout: 60 } };
const NO_PINGS: ConnectionOptions = { heartbeat: false };

/** Two ends in a time of their own; the server's end sends pings. */
async function inTime(
  use: (ends: Pair, clock: FakeClock, pings: () => number) => Promise<void>,
  client: ConnectionOptions = SHARED,
): Promise<void> {
  await withClock(async (clock) => {
    const ends = joined({ ...client, ...NO_PINGS }, { ...SHARED, ...PINGS });
    const pings = (): number =>
      framesOf(ends.network.toClient, "server").filter(({ opcode }) => opcode === PING).length;
    try {
      await use(ends, clock, pings);
    } finally {
      await ends[Symbol.asyncDispose]();
    }
  });
}

test("no heartbeat goes out between the fragments of a compressed message: some peers break on that", async () => {
  await inTime(async ({ server, client }, clock, pings) => {
    const tap = new Tap();
    const sent = server.sendStream(tap, { compress: true });
    await clock.advance(130);
    assert.equal(pings(), 1, "before the first fragment there is nothing to break");
    await tap.give(TEXT);
    await clock.advance(1000);
    await tap.give(TEXT);
    await clock.advance(1000);
    assert.equal(pings(), 1);
    await tap.give(undefined);
    await sent;
    await clock.advance(130);
    assert.ok(pings() > 1, "afterwards they go on");
    assert.deepEqual(await take(client, 1), [TEXT + TEXT]);
    assert.equal(server.readyState, "open");
  });
});

test("heartbeats go out between fragments that are not compressed, whatever was asked for", async () => {
  for (
    const [client, options] of [[SHARED, {}], [SHARED, { compress: false }], [{}, {
      compress: true,
    }]] as const
  ) {
    await inTime(async ({ server }, clock, pings) => {
      const tap = new Tap();
      const sent = server.sendStream(tap, options);
      await tap.give(TEXT);
      await clock.advance(1000);
      assert.ok(pings() >= 7, `${pings()} pings`);
      await tap.give(undefined);
      await sent;
    }, client);
  }
});

test("a peer that a heartbeat waits for is noticed during a compressed message, too", async () => {
  await inTime(async ({ server, network }, clock, pings) => {
    const tap = new Tap();
    const sent = assert.rejects(server.sendStream(tap, { compress: true }), ConnectionClosedError);
    await clock.advance(90);
    network.vanish();
    await clock.advance(40);
    assert.equal(pings(), 0, "it is lost on its way");
    await tap.give(TEXT);
    await clock.advance(150);
    await sent;
    const { code, error } = await server.closed;
    assert.equal(code, 1006);
    assert.match(error!.message, /heartbeat\.timeout/);
  });
});

test("ping() during a compressed message waits for its end, then answers; it is rejected if that never comes", async () => {
  await inTime(async ({ server, client }, _, pings) => {
    const tap = new Tap();
    const sent = server.sendStream(tap, { compress: true });
    await tap.give(TEXT);
    await settled();
    let trip: number | undefined;
    const pinged = server.ping().then((milliseconds) => trip = milliseconds);
    await settled();
    assert.deepEqual([trip, pings()], [undefined, 0]);
    await tap.give(undefined);
    await sent;
    await pinged;
    assert.deepEqual([trip, pings()], [0, 1]);
    assert.deepEqual(await take(client, 1), [TEXT]);
    const last = new Tap();
    const broken = assert.rejects(server.sendStream(last, { compress: true }), ConnectionClosedError);
    await last.give(TEXT);
    await settled();
    const unanswered = assert.rejects(server.ping(), ConnectionClosedError);
    client.abort();
    await Promise.all([broken, unanswered]);
  });
});

test("ping() before the first fragment, or during a message that is not compressed, goes out at once", async () => {
  await inTime(async ({ server }) => {
    for (const compress of [true, false]) {
      const tap = new Tap();
      const sent = server.sendStream(tap, { compress });
      await tap.waits();
      if (!compress) await tap.give(TEXT);
      assert.equal(await server.ping(), 0);
      await tap.give(undefined);
      await sent;
    }
  });
});

test("RFC 6455, section 5.5.2: a ping of the peer's is answered during a compressed message", async () => {
  await inTime(async ({ client, server }) => {
    const tap = new Tap();
    const sent = server.sendStream(tap, { compress: true });
    await tap.give(TEXT);
    assert.equal(await client.ping(), 0);
    await tap.give(undefined);
    await sent;
  });
});

test("a source that fails in the middle of a compressed message fails the connection with 1011", async () => {
  await using ends = joined();
  const wrong = new Error("torn");
  const sending = ends.client.sendStream(
    (function* () {
      yield TEXT;
      throw wrong;
    })(),
    { compress: true },
  );
  await assert.rejects(sending, (error: unknown) => error === wrong);
  assert.equal((await ends.server.closed).code, 1011);
});

test("maxMessageSize: of a decompressed message, 1009; what is no DEFLATE, 1007", async () => {
  for (const options of [SHARED, TAKEOVER]) {
    await using ends = joined(options, { ...options, maxMessageSize: 1000 });
    ends.client.send("a".repeat(1000));
    assert.deepEqual(await take(ends.server, 1), ["a".repeat(1000)]);
    ends.client.send("a".repeat(1001));
    const { code, initiator, error } = await ends.server.closed;
    assert.deepEqual([code, initiator], [1006, "remote"]);
    assert.match(error!.message, /longer than the limit of 1000 bytes/);
    assert.equal((await ends.client.closed).code, 1009);

    await using others = joined(options);
    others.network.toServer.insert(frame({ opcode: 2, rsv: 4, payload: Uint8Array.of(0x06), key: KEY }));
    assert.equal((await others.client.closed).code, 1007);
    assert.match((await others.client.closed).reason, /not valid DEFLATE/);
  }
});

test("maxMessageSize: none at all is allowed with compression, too", async () => {
  for (const maxMessageSize of [Infinity, Number.MAX_SAFE_INTEGER, 2 ** 33]) {
    await using ends = joined(SHARED, { ...SHARED, maxMessageSize });
    ends.client.send(LONG);
    await ends.client.sendStream([LONG, LONG], { compress: true });
    assert.deepEqual(await take(ends.server, 2), [LONG, LONG + LONG]);
    assert.deepEqual(compressed(ends), [true, true]);
  }
});

test("stream(): a compressed message comes in one piece, within maxMessageSize; others in theirs, without", async () => {
  await using ends = joined(SHARED, { ...SHARED, maxMessageSize: 1000 });
  const sent = ends.client.sendStream([LONG.slice(0, 300), LONG.slice(300, 600)], { compress: true });
  assert.deepEqual(await pieces(ends.server), [LONG.slice(0, 600)]);
  await sent;
  const plain = ends.client.sendStream([LONG, LONG, LONG, LONG]);
  assert.equal((await pieces(ends.server)).join(""), LONG.repeat(4));
  await plain;
  ends.client.send(LONG.repeat(2), { compress: true });
  await assert.rejects(pieces(ends.server), ConnectionClosedError);
  assert.equal((await ends.client.closed).code, 1009);
});

test("a bomb costs its receiver the limit, and its sender the connection", async () => {
  await using ends = joined(SHARED);
  const settings = { window: new Uint8Array(0), windowBits: 15, level: 9 };
  const zeros = zlibCodec.deflate(new Uint8Array(1 << 20), settings).slice();
  const payload = bytesOf(...new Array<Uint8Array>(64).fill(zeros)).slice(0, -4);
  // The last fragment never comes.
  ends.network.toServer.insert(frame({ opcode: 2, rsv: 4, fin: false, payload, key: KEY }));
  assert.equal((await ends.client.closed).code, 1009);
});

test("compressed messages that follow each other without a pause leave room for heartbeats and for ping()", async () => {
  await inTime(async ({ server, client }, clock, pings) => {
    const received = take(client, 20);
    let rounds = 0;
    let going = true;
    const streaming = (async () => {
      while (going) {
        const tap = new Tap();
        const sent = server.sendStream(tap, { compress: true });
        await tap.give(TEXT);
        await tap.waits();
        await clock.advance(50);
        await tap.give(undefined);
        await sent;
        rounds++;
      }
    })();
    while (rounds < 1) await settled();
    const before = rounds;
    const trip = await server.ping();
    assert.ok(trip >= 0 && rounds <= before + 1, `${rounds - before} messages later`);
    while (rounds < 19) await settled();
    going = false;
    await streaming;
    assert.ok(pings() >= 6, `${pings()} pings in a second`);
    assert.deepEqual(await received, new Array(20).fill(TEXT));
    assert.equal(server.readyState, "open");
  });
});
