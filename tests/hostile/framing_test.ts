/** Frames that two readers could read differently, or that one should not have read: advisories of that class. */
import assert from "node:assert/strict";
import { deflateRawSync } from "node:zlib";
import { connect, type Message } from "../../mod.ts";
import { test } from "../harness.ts";
import { RawServer, request } from "../raw_peer.ts";
import {
  acceptance,
  attackClient,
  BINARY,
  BYE,
  clientFrame,
  CLOSE,
  closeCodeIn,
  closeReasonIn,
  CONTINUATION,
  ECHO,
  framesIn,
  heard,
  HI,
  PING,
  PONG,
  say,
  serverFrame,
  serving,
  stillServes,
  TEXT,
  withOpen,
} from "./support.ts";

const DEFLATE = "permessage-deflate; client_no_context_takeover; server_no_context_takeover";
const COMPRESSED = request({ "Sec-WebSocket-Extensions": DEFLATE });

/** The payload of a message under permessage-deflate (RFC 7692, section 7.2.1). */
function deflated(text: string): Uint8Array {
  return Uint8Array.from(deflateRawSync(new TextEncoder().encode(text), { finishFlush: 2 }).subarray(0, -4));
}

test("facil.io issue 169: behind a frame that breaks a rule nothing is delivered, not even of the same segment", async () => {
  const wrong = {
    "an unmasked text": clientFrame({ opcode: TEXT, payload: "hi", key: undefined }),
    "a reserved bit": clientFrame({ opcode: TEXT, payload: "hi", rsv: 2 }),
    "a reserved opcode": clientFrame({ opcode: 3, payload: "hi" }),
    "a reserved control opcode": clientFrame({ opcode: 11, payload: "hi" }),
    "a continuation of nothing": clientFrame({ opcode: CONTINUATION, payload: "hi" }),
    "a long ping": clientFrame({ opcode: PING, payload: "x".repeat(126) }),
    "a ping in fragments": clientFrame({ opcode: PING, payload: "x", fin: false }),
    "a length in more bytes than it needs": clientFrame({ opcode: TEXT, payload: "hi", form: 16 }),
  };
  const delivered: Message[] = [];
  await serving({}, { message: (_, message) => void delivered.push(message) }, async ({ port }) => {
    for (const [what, frame] of Object.entries(wrong)) {
      const { close, frames } = await say(
        port,
        frame + HI + clientFrame({ opcode: PING, payload: "p" }) + BYE,
      );
      assert.deepEqual([close, frames.length], [1002, 1], what);
    }
    assert.deepEqual(delivered, []);
  });
  for (const frame of [clientFrame({ opcode: TEXT, payload: "hi" }), serverFrame({ opcode: 3 })]) {
    const fate = await attackClient(frame + serverFrame({ opcode: TEXT, payload: "behind" }));
    assert.deepEqual([closeCodeIn(fate.frames), fate.messages], [1002, []]);
  }
});

test("facil.io issue 169: behind a Close frame nothing is delivered or answered", async () => {
  const delivered: Message[] = [];
  await serving({}, { message: (_, message) => void delivered.push(message) }, async ({ port }) => {
    const ping = clientFrame({ opcode: PING, payload: "p" });
    const { close, frames } = await say(port, HI + BYE + HI + ping + BYE);
    assert.deepEqual([close, frames.length, delivered], [1000, 1, ["hi"]]);
  });
});

test("CVE-2026-59881 (aiohttp): a compressed frame where no compression was agreed upon fails with 1002", async () => {
  const payload = deflated("hi");
  // Also where the other side offered it and was not answered, or answered and was not asked.
  for (const [compression, offer] of [[false, COMPRESSED], [true, request()]] as const) {
    await serving({ compression }, ECHO, async ({ port }) => {
      for (const opcode of [TEXT, BINARY]) {
        const { close, frames } = await say(port, clientFrame({ opcode, rsv: 4, payload }), offer);
        assert.deepEqual([close, frames.length], [1002, 1]);
      }
      await stillServes(port);
    });
  }
  for (const compression of [false, true]) {
    const fate = await attackClient(serverFrame({ opcode: TEXT, rsv: 4, payload }), { compression });
    assert.deepEqual([closeCodeIn(fate.frames), fate.messages], [1002, []]);
  }
});

test("websockets issue 1720 (Python): RSV1 on a continuation or a control frame fails with 1002, compression or not", async () => {
  const first = clientFrame({ opcode: TEXT, rsv: 4, fin: false, payload: deflated("hello").subarray(0, 3) });
  await serving({ compression: true }, ECHO, async ({ port }) => {
    for (
      const bytes of [
        first + clientFrame({ opcode: CONTINUATION, rsv: 4, payload: deflated("hello").subarray(3) }),
        clientFrame({ opcode: PING, rsv: 4, payload: "p" }),
        clientFrame({ opcode: PONG, rsv: 4 }),
        clientFrame({ opcode: CLOSE, rsv: 4 }),
      ]
    ) {
      const { close, frames } = await say(port, bytes, COMPRESSED);
      assert.deepEqual([close, frames.length], [1002, 1]);
    }
  });
});

test("aiohttp issues 12988 and 13274: control frames before and between compressed fragments change nothing", async () => {
  const text = "hello ".repeat(50);
  const payload = deflated(text);
  const control = clientFrame({ opcode: PONG, payload: "x" }) + clientFrame({ opcode: PING, payload: "y" });
  const message = control +
    clientFrame({ opcode: TEXT, rsv: 4, fin: false, payload: payload.subarray(0, 4) }) +
    control + clientFrame({ opcode: CONTINUATION, fin: false, payload: payload.subarray(4, 5) }) +
    control + clientFrame({ opcode: CONTINUATION, payload: payload.subarray(5) });
  const received: Message[] = [];
  await serving(
    { compression: true },
    { message: (_, each) => void received.push(each) },
    async ({ port }) => {
      const { close } = await say(port, message + message + BYE, COMPRESSED);
      assert.equal(close, 1000);
      assert.deepEqual(received, [text, text]);
    },
  );
});

test("CVE-2025-10148 (curl): a client masks each frame with a key of its own, which nobody can foresee", async () => {
  const messages = Array.from({ length: 50 }, () => "GET / HTTP/1.1\r\nHost: inner.example\r\n\r\n");
  let sent!: (text: string) => void;
  const all = new Promise<string>((resolve) => (sent = resolve));
  await using server = await RawServer.listen(async (peer) => {
    peer.write(acceptance(await peer.until("\r\n\r\n")));
    sent(await peer.untilEnd());
    peer.end();
  });
  const socket = await connect(`ws://127.0.0.1:${server.port}/`, { closeTimeout: 100 });
  for (const message of messages) socket.send(message);
  await socket.sendStream(messages);
  void socket.ping().catch(() => {});
  await socket.close();
  const { rest } = heard(await all);
  const frames = framesIn(rest, { fromClient: true });
  assert.ok(frames.length >= 102);
  const keys = new Set(frames.map(({ key }) => String(key)));
  // Two of a hundred keys of 32 bits are alike once in a million times.
  assert.ok(keys.size >= frames.length - 1, `${keys.size} keys for ${frames.length} frames`);
  assert.ok(!keys.has("0,0,0,0"));
  assert.doesNotMatch(rest, /GET \/ HTTP/, "what an intermediary could take for a request");
});

test("CVE-2026-45736, ws before 1.0.1 (ws): what is no text and no bytes never sends memory that nobody wrote", async () => {
  const odd: unknown[] = [100, 1e9, new Uint32Array(30), new Float64Array(30), { length: 100 }, [1, 2]];
  await serving({}, {}, async ({ server, port }) => {
    await withOpen(port, async (peer) => {
      const [socket] = server.connections;
      for (const value of odd as never[]) {
        if (!ArrayBuffer.isView(value)) assert.throws(() => socket!.send(value), TypeError);
        assert.throws(() => void socket!.close(value), RangeError);
      }
      // A reason that is not a string is refused, or converted to a string: it never allocates that many bytes.
      let expected = "65" + ",65".repeat(19);
      try {
        void socket!.close(1000, new Uint8Array(20).fill(65) as never);
      } catch (error) {
        assert.ok(error instanceof TypeError || error instanceof RangeError);
        expected = "";
        void socket!.close();
      }
      await peer.until("\x88");
      peer.write(BYE);
      const frames = framesIn(heard(await peer.untilEnd()).rest);
      assert.deepEqual([closeCodeIn(frames), frames.length], [1000, 1]);
      assert.equal(closeReasonIn(frames), expected);
    });
  });
});

test("the class of frames in parts: any split of hostile bytes has the same outcome", async () => {
  const bytes = clientFrame({ opcode: TEXT, fin: false, payload: "h" }) +
    clientFrame({ opcode: PING, payload: "p" }) + clientFrame({ opcode: CONTINUATION, payload: "i" }) +
    clientFrame({ opcode: CONTINUATION, payload: "orphan" }) + HI;
  await serving({}, ECHO, async ({ port }) => {
    const whole = await say(port, bytes);
    assert.deepEqual([whole.close, whole.texts], [1002, ["hi"]]);
    for (const size of [1, 3, 7]) {
      await withOpen(port, async (peer) => {
        for (let start = 0; start < bytes.length; start += size) {
          peer.write(bytes.slice(start, start + size));
          await new Promise((resolve) => setTimeout(resolve, 0));
        }
        assert.equal(heard(await peer.untilEnd()).rest, whole.rest);
      });
    }
  });
});
