/** Lengths that overflow, wrap or promise too much: advisories of that class, against the whole stack. */
import assert from "node:assert/strict";
import { connect, ProtocolError, serve } from "../../mod.ts";
import { test } from "../harness.ts";
import { exchange, request } from "../raw_peer.ts";
import {
  arraysMade,
  attackClient,
  BINARY,
  BYE,
  bytesOf,
  clientFrame,
  closeCodeIn,
  CONTINUATION,
  ECHO,
  Flooder,
  framesIn,
  heard,
  HI,
  say,
  serverFrame,
  serving,
  stillServes,
  TEXT,
  turns,
  until,
  withOpen,
} from "./support.ts";

const MIB = 1024 * 1024;

/** A header alone, of a client or a server, with a length of 64 bits. */
function announcing(length: bigint, from: "client" | "server", opcode = BINARY): string {
  const spec = { opcode, length, form: 64 } as const;
  return from === "client" ? clientFrame(spec) : serverFrame(spec);
}

/** The code with which both of our ends fail a connection, on this header alone. */
async function codesFor(length: bigint, port: number): Promise<(number | undefined)[]> {
  const { close, frames } = await say(port, announcing(length, "client"));
  assert.equal(frames.length, 1);
  const fate = await attackClient(announcing(length, "server"));
  assert.deepEqual([fate.close.code, fate.frames.length], [1006, 1]);
  return [close, closeCodeIn(fate.frames)];
}

test("CVE-2020-27813 (gorilla), CVE-2020-13935 (Tomcat): a length whose highest bit is set fails with 1002, at the header", async () => {
  await serving({}, ECHO, async ({ port }) => {
    for (const length of [2n ** 63n, 2n ** 63n + 1n, 2n ** 63n + 126n]) {
      assert.deepEqual(await codesFor(length, port), [1002, 1002], `${length}`);
    }
    await stillServes(port);
  });
});

test("noPoll issue 84, gpac issue 3860, ios-webkit-debug-proxy issue 435: a length to which nothing can be added fails with 1002", async () => {
  await serving({}, ECHO, async ({ port }) => {
    for (let below = 1n; below <= 15n; below += 7n) {
      assert.deepEqual(await codesFor(2n ** 64n - below, port), [1002, 1002], `2^64 - ${below}`);
    }
    await stillServes(port);
  });
});

test("noPoll issue 84: lengths that 31, 32 or 53 bits would cut fail with 1009, and are never taken for the rest of them", async () => {
  await serving({}, ECHO, async ({ port }) => {
    const powers = [31n, 32n, 33n, 52n, 53n, 62n];
    for (const length of powers.flatMap((bits) => [2n ** bits - 1n, 2n ** bits, 2n ** bits + 2n])) {
      assert.deepEqual(await codesFor(length, port), [1009, 1009], `${length}`);
    }
    // Cut to 32 bits, this would be a whole message of two bytes.
    const { close, texts } = await say(port, announcing(2n ** 32n + 2n, "client", TEXT) + "hi" + HI);
    assert.deepEqual([close, texts], [1009, []]);
  });
});

test("CVE-2020-27813 (gorilla): a length that no number holds exactly fails, though a stream has no limit on its size", async () => {
  await serving({}, async (socket) => {
    for await (const _ of socket.stream());
  }, async ({ port, errors }) => {
    for (const length of [2n ** 53n, 2n ** 53n + 1n, 2n ** 62n, 2n ** 63n - 1n]) {
      assert.equal((await say(port, announcing(length, "client"))).close, 1009, `${length}`);
    }
    for (const length of [2n ** 63n, 2n ** 64n - 1n]) {
      assert.equal((await say(port, announcing(length, "client"))).close, 1002, `${length}`);
    }
    // The loop throws, since the message has no end.
    await until(() => errors.length === 6);
    errors.splice(0);
  });
});

test("CVE-2026-54466 (websocket-driver): the drafts before the RFC, whose lengths are runs of bytes, are not spoken", async () => {
  await serving({}, ECHO, async ({ port }) => {
    for (const count of [1, 8, 100, 10_000]) {
      const { close, texts } = await say(port, "\x80".repeat(count) + "\x01" + HI);
      assert.deepEqual([close, texts], [1002, []], `a run of ${count}`);
    }
    const drafts = [
      ...["0", "4", "6", "7", "8", "9", "12", "14", "76", "255"].map((version) =>
        request({ "Sec-WebSocket-Version": version })
      ),
      // Hixie 75, and 76 with its eight bytes behind the head.
      request({
        "Sec-WebSocket-Key": undefined,
        "Sec-WebSocket-Version": undefined,
        "WebSocket-Protocol": "a",
      }),
      request({
        "Sec-WebSocket-Key": undefined,
        "Sec-WebSocket-Version": undefined,
        "Sec-WebSocket-Key1": "4 @1  46546xW%0l 1 5",
        "Sec-WebSocket-Key2": "12998 5 Y3 1  .P00",
      }) + "^n:ds[4U",
    ];
    for (const draft of drafts) {
      const { status, rest } = heard(await exchange(port, draft));
      assert.equal(status, 426, draft);
      assert.doesNotMatch(rest, /^[0-9a-zA-Z+/]{16,}$/, "an answer to a draft's challenge");
    }
    await stillServes(port);
  });
});

test("npm advisory 120 (ws): a frame that announces more than the limit fails with 1009 at its header", async () => {
  await serving({ maxMessageSize: 1000 }, ECHO, async ({ port }) => {
    for (const [opcode, length] of [[TEXT, 1001n], [BINARY, 65_535n], [BINARY, 65_536n]] as const) {
      const { close } = await say(port, clientFrame({ opcode, length }));
      assert.equal(close, 1009, `${length}`);
    }
    const first = clientFrame({ opcode: BINARY, fin: false, payload: "x".repeat(600) });
    assert.equal((await say(port, first + clientFrame({ opcode: CONTINUATION, length: 401 }))).close, 1009);
    const whole = first + clientFrame({ opcode: CONTINUATION, payload: "x".repeat(400) });
    const { close, frames } = await say(port, whole + BYE);
    assert.deepEqual([close, frames[0]!.payload.length], [1000, 1000]);
  });
  const fate = await attackClient(serverFrame({ opcode: BINARY, length: 1001n }), { maxMessageSize: 1000 });
  assert.equal(closeCodeIn(fate.frames), 1009);
});

test("the class of announced giant frames: nothing is set aside for what is announced and does not come", async () => {
  await serving({}, ECHO, async ({ port }) => {
    const opened: (() => void)[] = [];
    const { largest } = await arraysMade(async () => {
      const all = Array.from({ length: 50 }, () =>
        withOpen(port, async (peer) => {
          peer.write(clientFrame({ opcode: BINARY, length: MIB }) + "x".repeat(100));
          await turns();
          await new Promise<void>((resolve) => opened.push(resolve));
        }));
      while (opened.length < all.length) await turns(1);
      for (const release of opened) release();
      await Promise.all(all);
    });
    assert.ok(largest < MIB / 2, `an array of ${largest} bytes was made`);
  });
});

test("CVE-2026-0716 (libsoup): there is a limit wherever none was set, 1 MiB, and the Close frame that tells of it arrives", async () => {
  const whole = bytesOf(clientFrame({ opcode: BINARY, payload: new Uint8Array(MIB) }));
  const over = bytesOf(clientFrame({ opcode: BINARY, payload: new Uint8Array(MIB + 1) }));
  await serving({}, {
    message: (socket, message) => socket.send(`${message.length} bytes`),
  }, async ({ port }) => {
    const allowed = await Flooder.open(port);
    await allowed.pour(whole);
    await allowed.peer.until(`${MIB} bytes`);
    await allowed.destroy();
    const refused = await Flooder.open(port);
    await refused.pour(over, 4);
    const frames = framesIn(heard(await refused.peer.untilEnd()).rest);
    assert.deepEqual([closeCodeIn(frames), frames.length], [1009, 1]);
    await refused.destroy();
  });
  const fate = await attackClient(serverFrame({ opcode: BINARY, length: MIB + 1, form: 64 }));
  assert.ok(fate.close.error instanceof ProtocolError);
  assert.equal(fate.close.error.statusCode, 1009);
});

test("CVE-2026-0716 (libsoup): a limit that is no number, or no limit at all by mistake, is refused at the call", async () => {
  const options = ["maxMessageSize", "maxFragments", "maxBufferedAmount", "maxHeadSize", "maxHeaders"];
  for (const name of options) {
    for (const value of [NaN, -1, 0, null, "1e9", {}]) {
      const wrong = { [name]: value as never };
      const what = `${name}: ${String(value)}`;
      await assert.rejects(serve({ port: 0, ...wrong }, ECHO), RangeError, what);
      await assert.rejects(connect("ws://127.0.0.1:9/", wrong), RangeError, what);
    }
  }
});
