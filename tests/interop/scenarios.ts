/** What must hold between this library and every peer, whichever is the server. */
import { amount } from "../harness.ts";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { HandshakeError, type Message } from "../../mod.ts";
import { commandText, GREETING } from "./peers/program.ts";
import { type Ability, type Scene, take } from "./scene.ts";

/** One thing that must hold. */
export interface Scenario {
  readonly name: string;
  /** What the peer must be able to do for it. */
  readonly needs?: Ability;
  run(scene: Scene): Promise<void>;
}

const SIZES = [0, 1, 125, 126, 65535, 65536, 1024 * 1024];
const LARGE = amount(16, 4) * 1024 * 1024;
const LONG_REASON = "理由".repeat(20) + "abc";

function bytesOf(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >>> 8)) & 0xff;
  return bytes;
}

/** A text of this many bytes in UTF-8, with characters of every length. */
export function textOf(size: number): string {
  const unit = "😀漢éa";
  const unitSize = 10;
  return unit.repeat(Math.floor(size / unitSize)) + "x".repeat(size % unitSize);
}

/** Compares without printing megabytes. */
export function assertSame(received: Message, sent: Message): void {
  assert.equal(typeof received, typeof sent);
  assert.equal(received.length, sent.length);
  assert.ok(
    typeof sent === "string" ? received === sent : Buffer.from(sent).equals(received as Uint8Array),
    `a message of ${sent.length} came back changed`,
  );
}

const opening: Scenario = {
  name: "RFC 6455, section 4: both ends see the same subprotocol and each other's headers",
  async run(scene) {
    const { kind } = scene;
    const { socket, opened } = await scene.openAndTell({
      protocols: ["chat.v2", "chat.v1"],
      headers: { "x-interop": "shaken hands" },
    });
    assert.equal(socket.protocol, "chat.v1");
    if (!("show the subprotocol" in kind.cannot)) assert.equal(opened.protocol, "chat.v1");
    assert.equal(socket.extensions, "");
    const header = kind.role === "server" ? opened.header : socket.request!.headers.get("x-interop");
    assert.equal(header, "send headers" in kind.cannot ? null : "shaken hands");
    if (kind.role === "client" && !("show the answer" in kind.cannot)) assert.equal(opened.answer, "seen");
    await scene.close(socket);

    const plain = await scene.openAndTell({});
    assert.equal(plain.socket.protocol, "");
    assert.equal(plain.opened.protocol, "");
    await scene.close(plain.socket);
  },
};

const refusal: Scenario = {
  name: "RFC 6455, section 4: a refused handshake is an error with its status, and no connection",
  async run(scene) {
    if (scene.kind.role === "server") {
      await assert.rejects(scene.open({ path: "/refuse" }), (error) => {
        assert.ok(error instanceof HandshakeError);
        assert.equal(error.step, "response");
        assert.equal(error.reason, "unexpected-status");
        assert.equal(error.status, 403);
        assert.equal(new Map(error.headers).get("x-answer"), "no");
        assert.match(error.body ?? "", /Not today/);
        return true;
      });
    } else {
      scene.order("/refuse");
      const { message } = await scene.peer.next("refused");
      if (!("show a refusal's status" in scene.kind.cannot)) assert.match(message, /\b403\b/);
    }
    await scene.close(await scene.open());
  },
};

const sizes: Scenario = {
  name: "RFC 6455, section 5.2: text and bytes of every length encoding come back as they went",
  async run(scene) {
    const socket = await scene.open();
    for (const message of SIZES.flatMap((size) => [bytesOf(size), textOf(size)])) {
      socket.send(message);
      assertSame(await take(socket), message);
    }
    const large = bytesOf(LARGE);
    socket.send(large);
    assertSame(await take(socket), large);
    await scene.close(socket);
  },
};

const order: Scenario = {
  name: "a thousand messages back to back keep their order, and the first behind the handshake is not lost",
  async run(scene) {
    const socket = await scene.open({ path: "/greet" });
    // A server peer sends it by itself, a client peer echoes ours.
    assert.equal(await take(socket), GREETING);
    for (let i = 0; i < 1000; i++) socket.send(i % 2 === 0 ? String(i) : Uint8Array.of(i >> 8, i & 0xff));
    for (let i = 0; i < 1000; i++) {
      assert.deepEqual(await take(socket), i % 2 === 0 ? String(i) : Uint8Array.of(i >> 8, i & 0xff));
    }
    await scene.close(socket);
  },
};

const ourFragments: Scenario = {
  name: "RFC 6455, section 5.4: our fragments, with pings between them, arrive as one message",
  async run(scene) {
    const socket = await scene.open();
    const bytes = bytesOf(100_000);
    await socket.sendStream((async function* () {
      for (const [from, to] of [[0, 1], [1, 126], [126, 70_000], [70_000, 100_000]] as const) {
        yield bytes.subarray(from, to);
        assert.ok(await socket.ping() >= 0);
      }
    })());
    assertSame(await take(socket), bytes);
    await socket.sendStream(["握", "手 \ud83d", "\ude00", "", " done"]);
    assert.equal(await take(socket), "握手 😀 done");
    await socket.sendStream([]);
    assert.deepEqual(await take(socket), new Uint8Array(0));
    await scene.close(socket);
  },
};

const theirFragments: Scenario = {
  name: "RFC 6455, section 5.4: the peer's fragments, with pings between them, arrive as one message",
  needs: "send fragments",
  async run(scene) {
    const socket = await scene.open();
    const parts = ["握", "", "手", "😀".repeat(40_000)];
    const whole = parts.join("");
    for (const [type, message] of [["text", whole], ["binary", new TextEncoder().encode(whole)]] as const) {
      socket.send(commandText({ do: "fragments", type, parts }));
      assertSame(await take(socket), message);
      for (let i = 1; i < parts.length; i++) {
        assert.equal((await scene.peer.next("pong")).payload, `before part ${i}`);
      }
    }
    await scene.close(socket);
  },
};

const ourPings: Scenario = {
  name: "RFC 6455, section 5.5.3: the peer answers our pings",
  async run(scene) {
    const socket = await scene.open();
    const roundTrips = await Promise.all([socket.ping(), socket.ping(), socket.ping()]);
    assert.ok(roundTrips.every((time) => time >= 0));
    assert.ok(socket.latency !== undefined);
    if (!("show pings" in scene.kind.cannot)) await scene.peer.next("ping");
    await scene.close(socket);
  },
};

const theirPings: Scenario = {
  name: "RFC 6455, section 5.5.3: we answer the peer's pings with their payload",
  needs: "ping",
  async run(scene) {
    const socket = await scene.open();
    for (const payload of ["", "still there?", "x".repeat(125)]) {
      socket.send(commandText({ do: "ping", payload }));
      assert.equal((await scene.peer.next("pong")).payload, payload);
    }
    await scene.close(socket);
  },
};

const CLOSES: readonly { code: number; reason: string }[] = [
  { code: 1000, reason: "done" },
  { code: 3000, reason: "" },
  { code: 4999, reason: LONG_REASON },
];

const ourClose: Scenario = {
  name:
    "RFC 6455, section 7.1.2: our closing handshake is clean at both ends, with our code and reason at theirs",
  async run(scene) {
    for (const { code, reason } of CLOSES) {
      const socket = await scene.open();
      const ours = await socket.close(code, reason);
      assert.equal(ours.code, code);
      assert.equal(ours.wasClean, true);
      assert.equal(ours.initiator, "local");
      assert.equal(ours.error, undefined);
      const theirs = await scene.peer.next("close");
      assert.equal(theirs.code, code);
      assert.equal(theirs.reason, reason);
      assert.notEqual(theirs.wasClean, false);
    }
  },
};

const theirClose: Scenario = {
  name:
    "RFC 6455, section 7.1.5: the peer's closing handshake is clean at both ends, with its code and reason at ours",
  async run(scene) {
    const closes: { code?: number; reason?: string }[] = [...CLOSES];
    if (!("close without a code" in scene.kind.cannot)) closes.push({});
    for (const close of closes) {
      const socket = await scene.open();
      socket.send(commandText({ do: "close", ...close }));
      const { code = 1005, reason = "" } = close;
      assert.deepEqual(await socket.closed, {
        code,
        reason,
        wasClean: true,
        initiator: "remote",
        error: undefined,
      });
      const theirs = await scene.peer.next("close");
      assert.equal(theirs.code, code);
      assert.notEqual(theirs.wasClean, false);
    }
  },
};

const bothClose: Scenario = {
  name: "RFC 6455, section 7.1.4: both ends that close at once have closed cleanly",
  async run(scene) {
    const socket = await scene.open();
    socket.send(commandText({ do: "close", code: 3000, reason: "theirs" }));
    const ours = await socket.close(4000, "ours");
    // The peer's Close frame is its own, or, if it read ours first, the answer to ours.
    assert.ok([3000, 4000].includes(ours.code), `${ours.code}`);
    assert.equal(ours.wasClean, true);
    const theirs = await scene.peer.next("close");
    if (!("tell the code it received" in scene.kind.cannot)) assert.equal(theirs.code, 4000);
    assert.notEqual(theirs.wasClean, false);
  },
};

const ourAbort: Scenario = {
  name: "RFC 6455, section 7.1.5: our abort() is 1006 at both ends",
  async run(scene) {
    const socket = await scene.open();
    socket.abort();
    const ours = await socket.closed;
    assert.deepEqual([ours.code, ours.wasClean, ours.initiator], [1006, false, "local"]);
    const theirs = await scene.peer.next("close");
    if (!("tell a lost connection as 1006" in scene.kind.cannot)) assert.equal(theirs.code, 1006);
    assert.notEqual(theirs.wasClean, true);
  },
};

const theirDeath: Scenario = {
  name: "RFC 6455, section 7.1.5: a peer that is killed is 1006",
  needs: "be killed",
  async run(scene) {
    const socket = await scene.open();
    await scene.peer.kill();
    const { code, reason, wasClean, initiator } = await socket.closed;
    assert.deepEqual({ code, reason, wasClean, initiator }, {
      code: 1006,
      reason: "",
      wasClean: false,
      initiator: "remote",
    });
  },
};

/** All of them; the last leaves no peer. */
export const scenarios: readonly Scenario[] = [
  opening,
  refusal,
  sizes,
  order,
  ourFragments,
  theirFragments,
  ourPings,
  theirPings,
  ourClose,
  theirClose,
  bothClose,
  ourAbort,
  theirDeath,
];
