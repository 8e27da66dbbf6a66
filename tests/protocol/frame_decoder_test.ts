import { deepEqual, equal, ok } from "node:assert/strict";
import type { ProtocolError } from "../../src/protocol/errors.ts";
import { FrameDecoder } from "../../src/protocol/frame_decoder.ts";
import { bytesOf, frame, hex, noise, random } from "./frames.ts";
import { test } from "../harness.ts";
import { bothRoles, chunkings, feed, Peer } from "./support.ts";
import type { Role } from "../../src/protocol/protocol.ts";

/** Writes down the frames, pieces put together. */
class Frames extends FrameDecoder {
  readonly log: string[] = [];
  readonly errors: ProtocolError[] = [];
  pieces = 0;
  onHeader = (): void => {};
  onPayload = (): unknown => undefined;
  #payload: Uint8Array = new Uint8Array(0);
  #seen = 0;
  #length = 0;

  constructor(role: Role, rsv1Allowed = false) {
    super(role, rsv1Allowed);
  }

  override stop(): void {
    super.stop();
  }

  override frameHeader(fin: boolean, rsv1: boolean, opcode: number, length: number): void {
    this.#length = length;
    this.log.push(`${fin ? "fin " : ""}${rsv1 ? "rsv1 " : ""}${opcode} ${length}`);
    this.#payload = new Uint8Array(0);
    this.#seen = 0;
    this.onHeader();
  }

  override streamEnd(): void {
    this.log.push("end");
  }

  override framePayload(
    _opcode: number,
    _fin: boolean,
    chunk: Uint8Array,
    start: number,
    end: number,
    seen: number,
    last: boolean,
  ): void {
    this.pieces++;
    this.#payload = bytesOf(this.#payload, chunk.subarray(start, end));
    this.#seen |= seen;
    equal(last, this.#payload.length === this.#length);
    if (last) {
      const ascii = this.#payload.every((byte) => byte < 0x80);
      if (!ascii) ok((this.#seen & 0x80808080) !== 0, "seen shows what is not ASCII");
      this.log.push(hex(this.#payload));
    }
    this.onPayload();
  }

  override frameError(error: ProtocolError): void {
    this.errors.push(error);
    this.log.push(`error ${error.statusCode} ${error.section}`);
  }
}

function decode(role: Role, stream: Uint8Array, log: string[], rsv1Allowed = false): void {
  for (const pieces of chunkings(stream)) {
    const frames = new Frames(role, rsv1Allowed);
    feed(frames, pieces);
    deepEqual(frames.log, log, `in ${pieces.length} pieces`);
  }
}

bothRoles("5.2", "any split of the bytes gives the same frames", (role) => {
  const peer = new Peer(role);
  const long = noise(300);
  const stream = bytesOf(
    peer.text("Hel", { fin: false }),
    peer.ping(),
    peer.continuation("", { fin: false }),
    peer.continuation("lo"),
    peer.binary(long),
    peer.close(1000),
  );
  decode(role, stream, [
    ...["1 3", hex(bytesOf("Hel")), "fin 9 0", "", "0 0", "", "fin 0 2", hex(bytesOf("lo"))],
    ...["fin 2 300", hex(long), "fin 8 2", "03e8"],
  ]);
});

bothRoles("5.2", "a chunk that holds nothing changes nothing", (role) => {
  const frames = new Frames(role);
  for (const byte of new Peer(role).text("a")) {
    frames.receive(new Uint8Array(0));
    frames.receive(Uint8Array.of(byte));
  }
  deepEqual(frames.log, ["fin 1 1", "61"]);
});

bothRoles(
  "5.2",
  "a payload is handed on piece by piece, with no piece of no bytes but for an empty frame",
  (role) => {
    const peer = new Peer(role);
    const whole = new Frames(role);
    whole.receive(peer.binary(noise(1000)));
    equal(whole.pieces, 1);
    const bytewise = new Frames(role);
    feed(bytewise, Array.from(peer.binary(noise(50)), (byte) => Uint8Array.of(byte)));
    equal(bytewise.pieces, 50);
    const empty = new Frames(role);
    empty.receive(peer.binary(new Uint8Array(0)));
    equal(empty.pieces, 1);
  },
);

bothRoles("5.2", "the decoder knows whether it stands between two frames", (role) => {
  for (const payload of ["", "abc"]) {
    const stream = new Peer(role).text(payload);
    const frames = new Frames(role);
    const inside: boolean[] = [];
    frames.onPayload = () => inside.push(frames.betweenFrames);
    ok(frames.betweenFrames);
    stream.forEach((byte, i) => {
      frames.receive(Uint8Array.of(byte));
      equal(frames.betweenFrames, i === stream.length - 1, `after byte ${i}`);
    });
    deepEqual(inside, payload === "" ? [true] : [false, false, true]);
  }
});

for (const where of ["onHeader", "onPayload"] as const) {
  bothRoles(
    "7.1.7",
    `stop() inside ${where} leaves the rest of the chunk unread, and all later ones`,
    (role) => {
      for (const payload of ["", "abc"]) {
        const peer = new Peer(role);
        const frames = new Frames(role);
        frames[where] = () => frames.stop();
        frames.receive(bytesOf(peer.text(payload), peer.text("late")));
        frames.receive(peer.text("later"));
        const seen = [`fin 1 ${payload.length}`, hex(bytesOf(payload))];
        deepEqual(frames.log, where === "onHeader" ? seen.slice(0, 1) : seen);
      }
    },
  );
}

/** By the tables of sections 5.1, 5.2 and 5.5: whether a frame may begin with these two bytes. */
function acceptable(first: number, second: number, role: Role, rsv1Allowed: boolean): boolean {
  const bits = first.toString(2).padStart(8, "0");
  const opcode = Number.parseInt(bits.slice(4), 2);
  const control = [8, 9, 10].includes(opcode);
  if (![0, 1, 2].includes(opcode) && !control) return false;
  if (bits.slice(2, 4) !== "00") return false;
  if (bits[1] === "1" && !(rsv1Allowed && [1, 2].includes(opcode))) return false;
  if ((Math.floor(second / 128) === 1) !== (role === "server")) return false;
  return !control || (bits[0] === "1" && second % 128 < 126);
}

for (const rsv1Allowed of [false, true]) {
  const extension = rsv1Allowed ? "with" : "without";
  bothRoles("5.2", `every first byte, ${extension} an extension, is judged with the second`, (role) => {
    const seconds = [0, 1, 125, 126, 127].flatMap((length) => [length, 128 + length]);
    for (
      const pair of Array.from({ length: 256 }, (_, first) => seconds.map((second) => [first, second])).flat()
    ) {
      const [first, second] = pair as [number, number];
      for (const pieces of [[Uint8Array.of(first, second)], [Uint8Array.of(first), Uint8Array.of(second)]]) {
        const frames = new Frames(role, rsv1Allowed);
        for (const piece of pieces) frames.receive(piece);
        if (acceptable(first, second, role, rsv1Allowed)) {
          equal(frames.errors.length, 0, `refused ${hex(Uint8Array.from(pair))}`);
        } else {
          equal(frames.errors.length, 1, `accepted ${hex(Uint8Array.from(pair))}`);
          equal(frames.errors[0]!.statusCode, 1002);
        }
      }
    }
  });
}

bothRoles("9.1", "RSV1 is told of where an extension may use it, and is not carried over", (role) => {
  const peer = new Peer(role);
  const stream = bytesOf(
    peer.text("a", { rsv: 4, fin: false }),
    peer.continuation("b"),
    peer.binary(Uint8Array.of(1), { rsv: 4 }),
    peer.binary(Uint8Array.of(2)),
  );
  decode(role, stream, ["rsv1 1 1", "61", "fin 0 1", "62", "fin rsv1 2 1", "01", "fin 2 1", "02"], true);
  for (const opcode of [0, 8, 9, 10]) {
    decode(role, peer.frame({ opcode, rsv: 4 }), ["error 1002 RFC 6455, section 5.2"], true);
  }
  for (const rsv of [1, 2, 3, 5, 6, 7]) {
    decode(role, peer.frame({ opcode: 1, rsv }), ["error 1002 RFC 6455, section 5.2"], true);
  }
});

bothRoles("5.2", "lengths up to 2^53 - 1 are read exactly", (role) => {
  for (const length of [0x7fffffff, 0x80000000, 0xffffffff, 2 ** 32, 2 ** 32 + 5, 2 ** 40 + 1, 2 ** 53 - 1]) {
    decode(role, new Peer(role).frame({ opcode: 2, length }), [`fin 2 ${length}`]);
  }
});

bothRoles("5.3", "the place in the masking key survives every split of payloads of 1 to 9 bytes", (role) => {
  const peer = new Peer(role);
  for (let size = 1; size <= 9; size++) {
    const payload = noise(size);
    decode(role, peer.binary(payload), [`fin 2 ${size}`, hex(payload)]);
  }
});

bothRoles("5.2", "random frames in random splits", (role) => {
  const next = random(52);
  for (let round = 0; round < 15; round++) {
    const peer = new Peer(role);
    const log: string[] = [];
    const stream = bytesOf(...Array.from({ length: 1 + next(6) }, () => {
      const control = next(3) === 0;
      const fin = control || next(2) === 0;
      const opcode = control ? 8 + next(3) : next(3);
      const payload = noise(next(control ? 126 : 400), next(1e9));
      log.push(`${fin ? "fin " : ""}${opcode} ${payload.length}`, hex(payload));
      return peer.frame({ opcode, fin, payload });
    }));
    decode(role, stream, log);
  }
});

test("paused within a chunk, it reads to the end of the frame at hand, keeps the rest, and reads on from there", () => {
  const frames = ["a", "bc", "", "def"].map((payload) => frame({ opcode: 1, payload }));
  const bytes = bytesOf(...frames);
  for (const pauses of [1, 2, 3, 4]) {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const decoder = new Frames("client");
      let left = pauses;
      decoder.onPayload = () => void (left-- > 0 && decoder.pause());
      for (const chunk of [bytes.slice(0, cut), bytes.slice(cut)]) {
        decoder.receive(chunk);
        // What is kept is a copy.
        chunk.fill(0xff);
      }
      decoder.receiveEnd();
      for (let turn = 0; turn < 10; turn++) decoder.resume();
      const whole = new Frames("client");
      whole.receive(bytes.slice());
      whole.receiveEnd();
      deepEqual(decoder.log.filter((line) => line !== "end"), whole.log.filter((line) => line !== "end"));
      equal(decoder.log.at(-1), "end");
      equal(decoder.keepsBytes, false);
    }
  }
});

test("stopped while it is paused, it forgets what it kept, and does not start again", () => {
  const decoder = new Frames("client");
  decoder.pause();
  decoder.receive(frame({ opcode: 1, payload: "a" }));
  equal(decoder.keepsBytes, true);
  decoder.stop();
  equal(decoder.keepsBytes, false);
  decoder.pause();
  decoder.resume();
  decoder.receive(frame({ opcode: 1, payload: "b" }));
  deepEqual(decoder.log, []);
  deepEqual(decoder.errors, []);
});

test("a decoder of which nobody wants to know the end takes it", () => {
  const decoder = new (class extends FrameDecoder {
    override frameHeader(): void {}
    override framePayload(): void {}
    override frameError(): void {}
  })("client", false);
  equal(decoder.peerEnded, false);
  decoder.receiveEnd();
  equal(decoder.peerEnded, true);
  equal(decoder.betweenFrames, true);
});

test("the peer's end is known when it has come, though bytes before it wait", () => {
  const decoder = new (class extends FrameDecoder {
    override frameHeader(): void {}
    override framePayload(): void {}
    override frameError(): void {}
  })("client", false);
  decoder.pause();
  decoder.receive(frame({ opcode: 1, payload: "a" }));
  decoder.receiveEnd();
  deepEqual([decoder.keepsBytes, decoder.peerEnded], [true, true]);
  decoder.resume();
  deepEqual([decoder.keepsBytes, decoder.peerEnded], [false, true]);
});
