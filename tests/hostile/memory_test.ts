/** Little on the wire, much in memory: advisories of that class, against the whole stack. */
import assert from "node:assert/strict";
import { constants, deflateRawSync } from "node:zlib";
import { connect, type Message, ProtocolError } from "../../mod.ts";
import { test } from "../harness.ts";
import { memoryHeld } from "../memory.ts";
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
  deferred,
  ECHO,
  Flooder,
  framesIn,
  heard,
  HI,
  PING,
  PONG,
  say,
  serverFrame,
  serving,
  TEXT,
  textsIn,
  turns,
  until,
} from "./support.ts";

const MIB = 1024 * 1024;
const COMPRESSED = request({ "Sec-WebSocket-Extensions": "permessage-deflate" });
// What the tests themselves need is less than this.
const ALLOWANCE = 96 * MIB;

/** By how many bytes the process has grown at most, looked at whenever `use` asks. */
async function growth(use: (look: () => void) => Promise<void>): Promise<number> {
  const before = memoryHeld();
  let most = before;
  await use(() => (most = Math.max(most, memoryHeld())));
  return most - before;
}

/** This many times the same frame. */
function times(count: number, frame: string): Uint8Array {
  return bytesOf(frame.repeat(count));
}

const ONE_BYTE = clientFrame({ opcode: CONTINUATION, fin: false, payload: "x" });
const EMPTY = clientFrame({ opcode: CONTINUATION, fin: false });
const BEGIN = clientFrame({ opcode: BINARY, fin: false, payload: "x" });

test("CVE-2026-48779, issues 2329 and 2331 (ws): fragments of one byte, and empty ones, cost a connection little more than their bytes", async () => {
  await serving({}, {}, async ({ server, port }) => {
    for (const fragment of [ONE_BYTE, EMPTY]) {
      const flooder = await Flooder.open(port);
      const { count, largest } = await arraysMade(async () => {
        await flooder.pour(bytesOf(BEGIN));
        await flooder.pour(times(1000, fragment), 131);
        // A pong says that all before it has been read.
        await flooder.pour(bytesOf(clientFrame({ opcode: PING, payload: "done" })));
        await flooder.peer.until("done");
      });
      assert.ok(count < 5000, `${count} arrays for 131,000 fragments`);
      assert.ok(largest <= 512 * 1024, `an array of ${largest} bytes`);
      await flooder.destroy();
    }
    await until(() => server.connections.size === 0);
    const grown = await growth(async (look) => {
      const flooders: Flooder[] = [];
      for (let count = 0; count < 20; count++) {
        const flooder = await Flooder.open(port);
        flooders.push(flooder);
        await flooder.pour(bytesOf(BEGIN));
        await flooder.pour(times(1000, ONE_BYTE), 131);
        look();
      }
      assert.equal(server.connections.size, 20);
      for (const flooder of flooders) await flooder.destroy();
    });
    assert.ok(grown < ALLOWANCE, `${Math.round(grown / MIB)} MiB for 20 connections`);
  });
});

test("CVE-2026-48779 (ws), CVE-2026-12151 (undici): there is a limit on the number of fragments, empty ones included, at both ends", async () => {
  const maxFragments = 1000;
  await serving({ maxFragments }, { message: (socket) => socket.send("whole") }, async ({ port }) => {
    for (const fragment of [ONE_BYTE, EMPTY]) {
      const end = clientFrame({ opcode: CONTINUATION });
      assert.deepEqual((await say(port, BEGIN + fragment.repeat(998) + end + BYE)).texts, ["whole"]);
      assert.equal((await say(port, BEGIN + fragment.repeat(1000) + end + BYE)).close, 1008);
      const nothing = clientFrame({ opcode: TEXT, fin: false });
      assert.equal((await say(port, nothing + fragment.repeat(1000))).close, 1008);
    }
  });
  const begin = serverFrame({ opcode: TEXT, fin: false });
  const flood = begin + serverFrame({ opcode: CONTINUATION, fin: false }).repeat(1001);
  const fate = await attackClient(flood, { maxFragments });
  assert.deepEqual([closeCodeIn(fate.frames), fate.messages], [1008, []]);
});

test("CVE-2026-48779 (ws): where nobody set a limit on fragments, it is 131,072", async () => {
  await serving({}, { message: (socket) => socket.send("whole") }, async ({ port }) => {
    for (const count of [131_072, 131_073]) {
      const flooder = await Flooder.open(port);
      await flooder.pour(bytesOf(BEGIN + EMPTY.repeat(count - 2)));
      await flooder.pour(bytesOf(clientFrame({ opcode: CONTINUATION }) + BYE));
      const frames = framesIn(heard(await flooder.peer.untilEnd()).rest);
      assert.equal(closeCodeIn(frames), count === 131_072 ? 1000 : 1008);
      assert.equal(textsIn(frames).length, count === 131_072 ? 1 : 0);
      await flooder.destroy();
    }
  });
});

test("CVE-2014-0193 (Netty): continuations count together, and the one that passes the limit fails with 1009", async () => {
  await serving({ maxMessageSize: 10_000 }, ECHO, async ({ port }) => {
    const piece = clientFrame({ opcode: CONTINUATION, fin: false, payload: "x".repeat(1000) });
    for (const opcode of [TEXT, BINARY]) {
      const begin = clientFrame({ opcode, fin: false, payload: "x".repeat(1000) });
      assert.equal((await say(port, begin + piece.repeat(10) + HI)).close, 1009);
      const end = clientFrame({ opcode: CONTINUATION });
      const { close, frames } = await say(port, begin + piece.repeat(9) + end + BYE);
      assert.deepEqual([close, frames[0]!.payload.length], [1000, 10_000]);
    }
  });
});

test("CVE-2026-44545 (daphne): a message beyond 1 MiB is refused by default, and the handler never hears of it", async () => {
  const received: Message[] = [];
  await serving({}, { message: (_, message) => void received.push(message) }, async ({ port }) => {
    const piece = bytesOf(
      clientFrame({ opcode: CONTINUATION, fin: false, payload: new Uint8Array(64 * 1024) }),
    );
    const flooder = await Flooder.open(port);
    await flooder.pour(bytesOf(BEGIN));
    await flooder.pour(piece, 64);
    assert.equal(closeCodeIn(framesIn(heard(await flooder.peer.untilEnd()).rest)), 1009);
    await flooder.destroy();
    assert.deepEqual(received, []);
  });
});

/** This many MiB of zeros, compressed a thousandfold, without having been made. */
function bomb(mebibytes: number): Uint8Array {
  const one = deflateRawSync(new Uint8Array(MIB), { finishFlush: constants.Z_SYNC_FLUSH, level: 9 });
  const whole = new Uint8Array(one.length * mebibytes);
  for (let count = 0; count < mebibytes; count++) whole.set(one, count * one.length);
  return whole.subarray(0, -4);
}

test("CVE-2018-1000518 (websockets), CVE-2026-1526 (undici), CVE-2026-54490 (websocket-driver), CVE-2026-39804 (Bandit): inflating stops at the limit on messages", async () => {
  const payload = bomb(512);
  assert.ok(payload.length < MIB);
  const received: Message[] = [];
  const grown = await growth(async (look) => {
    await serving(
      { compression: true },
      { message: (_, each) => void received.push(each) },
      async ({ port }) => {
        const frames = [
          clientFrame({ opcode: BINARY, rsv: 4, payload }),
          clientFrame({ opcode: TEXT, rsv: 4, payload }),
          // Of this one the end never comes.
          clientFrame({ opcode: BINARY, rsv: 4, fin: false, payload: payload.subarray(0, 100_000) }) +
          clientFrame({ opcode: CONTINUATION, fin: false, payload: payload.subarray(100_000) }),
        ];
        for (const frame of frames) {
          assert.equal((await say(port, frame, COMPRESSED)).close, 1009);
          look();
        }
      },
    );
    const fate = await attackClient(serverFrame({ opcode: BINARY, rsv: 4, payload }), {
      compression: true,
      headers: "Sec-WebSocket-Extensions: permessage-deflate\r\n",
    });
    look();
    assert.equal(closeCodeIn(fate.frames), 1009);
    assert.ok(fate.close.error instanceof ProtocolError);
    assert.deepEqual([received, fate.messages], [[], []]);
  });
  assert.ok(grown < 256 * MIB, `${Math.round(grown / MIB)} MiB for bombs of 512 MiB`);
});

test("CVE-2018-1000518 (websockets): the limit is the message's, whole: what exactly keeps to it is received", async () => {
  const zeros = (size: number): string =>
    clientFrame({
      opcode: BINARY,
      rsv: 4,
      payload: deflateRawSync(new Uint8Array(size), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4),
    });
  const options = { compression: true, maxMessageSize: 100_000 };
  await serving(options, { message: (socket, { length }) => socket.send(`${length}`) }, async ({ port }) => {
    const { close, texts } = await say(port, zeros(100_000) + zeros(0) + zeros(100_001), COMPRESSED);
    assert.deepEqual([close, texts], [1009, ["100000", "0"]]);
  });
});

test("CVE-2026-29035 (CivetWeb): compressed frames that are no DEFLATE fail with 1007, whatever they claim to hold", async () => {
  const wrong = [
    ...[
      "06",
      "07",
      "000500fafe48656c6c6f00",
      "000500faff4865",
      "f200110000",
      "fcffffffff",
      "04feffffffffffff",
      "04",
    ],
    ...["00ffff0000", "0300f200110000", "ff".repeat(300), "f348cdc9c9070007"],
  ];
  await serving({ compression: true }, ECHO, async ({ port }) => {
    for (const digits of wrong) {
      const payload = Uint8Array.from(digits.match(/../g)!, (pair) => Number.parseInt(pair, 16));
      const { close, frames } = await say(port, clientFrame({ opcode: BINARY, rsv: 4, payload }), COMPRESSED);
      assert.deepEqual([close, frames.length], [1007, 1], digits);
    }
  });
});

test("CVE-2020-36048, CVE-2026-59725, GHSA-r635-g3xr-vw7x, GHSA-gr94-w7qr-f4j3 (engine.io): there is one transport; nothing else leaves a session behind", async () => {
  await serving({}, ECHO, async ({ server, port }) => {
    const host = "Host: localhost\r\n";
    for (
      const [text, status] of [
        [`GET /?EIO=4&transport=polling HTTP/1.1\r\n${host}\r\n`, 426],
        [`GET /?EIO=4&transport=polling&sid=abc HTTP/1.1\r\n${host}\r\n`, 426],
        [
          `POST /?EIO=4&transport=polling&sid=abc HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\n\x01\x02\xff`,
          405,
        ],
        [`OPTIONS /?EIO=4 HTTP/1.1\r\n${host}\r\n`, 405],
        [`CONNECT / HTTP/1.1\r\n${host}:protocol: webtransport\r\n\r\n`, 400],
      ] as const
    ) {
      for (let count = 0; count < 20; count++) {
        assert.equal(heard(await exchange(port, text)).status, status, text);
      }
    }
    assert.equal(server.connections.size, 0);
  });
});

test("CVE-2021-3690 (Undertow): a flood of pongs that nobody asked for is read, not answered, and not kept", async () => {
  await serving({ maxControlFrames: Infinity }, ECHO, async ({ port }) => {
    const flooder = await Flooder.open(port);
    const pongs = times(1000, clientFrame({ opcode: PONG, payload: "x".repeat(125) }));
    const grown = await growth(async (look) => {
      for (let round = 0; round < 40; round++) {
        await flooder.pour(pongs, 20);
        look();
      }
      await flooder.pour(bytesOf(HI));
      await flooder.peer.until("\x81\x02hi");
    });
    assert.equal(heard(flooder.peer.received).rest, "\x81\x02hi");
    assert.ok(grown < ALLOWANCE, `${Math.round(grown / MIB)} MiB for 100 MiB of pongs`);
    await flooder.destroy();
  });
});

test("the class of pinned slabs (ws before 8.23): a message that is kept pins no more memory than its own", async () => {
  const kept: Uint8Array[] = [];
  await serving({}, {
    message: (_, message) => void (message instanceof Uint8Array && kept.push(message)),
  }, async ({ port }) => {
    const small = clientFrame({ opcode: BINARY, payload: "tiny" });
    const cut = clientFrame({ opcode: BINARY, fin: false, payload: "ti" }) +
      clientFrame({ opcode: CONTINUATION, payload: "ny" });
    await say(port, small.repeat(500) + cut.repeat(500) + BYE);
    assert.equal(kept.length, 1000);
    for (const message of kept) assert.deepEqual([message.length, message.buffer.byteLength], [4, 4]);
  });
});

test("the class of compression's memory: it is off unless asked for, at both ends, whatever the peer offers or answers", async () => {
  await serving({}, ECHO, async ({ server, port }) => {
    const { head } = await say(port, BYE, COMPRESSED);
    assert.doesNotMatch(head, /extensions/i);
    const socket = await connect(server.url);
    assert.equal(socket.extensions, "");
    await socket.close();
  });
});

test("mesop (2026), CVE-2026-48802 (python-engineio): a flood of messages is handled one at a time, and what waits is bounded", async () => {
  const release = deferred();
  let running = 0;
  let most = 0;
  let begun = 0;
  const handler = {
    async message(): Promise<void> {
      begun++;
      most = Math.max(most, ++running);
      if (begun <= 3) await release.promise;
      running--;
    },
  };
  await serving({}, handler, async ({ port }) => {
    const flooder = await Flooder.open(port);
    const messages = times(64, clientFrame({ opcode: BINARY, payload: new Uint8Array(1024) }));
    assert.ok(
      await flooder.pourUntilStalled(messages, 1024),
      "64 MiB were read although no handler had ended",
    );
    assert.deepEqual([begun, most], [1, 1]);
    release.resolve();
    await flooder.pour(bytesOf(BYE));
    await flooder.peer.untilEnd();
    assert.equal(most, 1);
    await flooder.destroy();
  });
});

test("CVE-2026-43974 (gun): a server that floods a client stops being read when nobody takes the messages", async () => {
  const message = new Uint8Array(64 * 1024);
  const count = 1536;
  await serving({ maxBufferedAmount: 256 * MIB }, {
    open(socket) {
      for (let sent = 0; sent < count; sent++) socket.send(message);
    },
  }, async ({ server }) => {
    const socket = await connect(server.url);
    const [theirs] = server.connections;
    await turns(100);
    assert.ok(theirs!.bufferedAmount > 8 * MIB, "96 MiB were read although nobody took a message");
    let taken = 0;
    for await (const { length } of socket) if (length > 0 && ++taken === count) break;
    await socket.close();
  });
});
