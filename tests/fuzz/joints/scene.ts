/** One connection, played by its plan from the opening handshake to the end, and what must hold of it at every moment. */
import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { setImmediate } from "node:timers";
import { deflateRawSync } from "node:zlib";
import type { Connection, ConnectionHandler, Message } from "../../../mod.ts";
import { Admission } from "../../../src/server/admission.ts";
import { connectionSettings } from "../../../src/connection/options.ts";
import { Deadlines } from "../../../src/server/deadlines.ts";
import { Home } from "../../../src/server/home.ts";
import { endpointsOf, policyOf } from "../../../src/server/endpoints.ts";
import { type OpeningContext, OpeningHandshake } from "../../../src/server/opening_handshake.ts";
import type { OpeningOptions } from "../../../src/server/options.ts";
import { readOptions } from "../../../src/options/read.ts";
import { RefusalNotice } from "../../../src/server/refusal_notice.ts";
import { Roster } from "../../../src/support/roster.ts";
import { Topics } from "../../../src/topics/topics.ts";
import { DuplexTransport } from "../../../src/transport/duplex.ts";
import { memoryPair } from "../../../src/transport/memory.ts";
import type { Transport, TransportHandler } from "../../../src/transport/transport.ts";
import type { FakeClock } from "../../fake_clock.ts";
import { bytesOf, frame, parseFrames } from "../../protocol/frames.ts";
import { request } from "../../raw_peer.ts";
import { Random } from "../random.ts";
import { type Act, type HookFate, LARGEST_MESSAGE, type Plan, type PlannedMessage } from "./plan.ts";

const KEY = [1, 2, 3, 4];
// The most that the transport in memory gives at once; of that the decoder may keep what it has no frame for yet.
const ONE_READ = 64 * 1024;
// Headers of a message's fragments, and a Ping frame.
const MOST_FRAMING = 4 * 8 + 7;
// What the opening handshake keeps, and what its last chunk brought.
const EARLY = 16 * 1024 + ONE_READ;

interface Context {
  readonly home: Home<undefined>;
  readonly handshakes: Roster<OpeningHandshake<undefined>>;
}

/** Bytes of messages that each connection has decoded, which it tells nobody. */
export const decoded: WeakMap<object, number> = new WeakMap();

/** Calls in another turn of the event loop. */
const later = (call: () => void): void => void setImmediate(call);

/** Lets what waits for turns of the event loop happen. */
export const turn = (): Promise<void> => new Promise(later);

/** A Node-style stream whose other end gets what is written to it by reference, some time after it was called written. */
function keepingStreams(): [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      allowHalfOpen: true,
      read() {},
      write(chunk: Uint8Array, _, callback) {
        later(() => void (other().destroyed || other().push(chunk)));
        callback();
      },
      final(callback) {
        later(() => void (other().destroyed || other().push(null)));
        callback();
      },
      destroy(error, callback) {
        later(() => void other().destroy());
        callback(error);
      },
    });
  const left: Duplex = make(() => right);
  const right: Duplex = make(() => left);
  return [left, right];
}

/** The peer: it writes what the plan says, keeps what it is sent, and answers pings. */
class Peer implements TransportHandler {
  readonly transport: Transport;
  readonly #chunks: Uint8Array[] = [];
  // What follows the response's head, and is no whole frame yet.
  #rest: Uint8Array = new Uint8Array(0);
  #opened = false;
  ended = false;
  closed = false;

  constructor(transport: Transport) {
    this.transport = transport;
    transport.attach(this);
  }

  get received(): Uint8Array {
    return bytesOf(...this.#chunks);
  }

  data(chunk: Uint8Array): void {
    this.#chunks.push(new Uint8Array(chunk));
    this.#rest = bytesOf(this.#rest, new Uint8Array(chunk));
    if (!this.#opened) {
      const head = Array.from(this.#rest, (byte) => String.fromCharCode(byte)).join("").indexOf("\r\n\r\n");
      if (head === -1) return;
      this.#opened = true;
      this.#rest = this.#rest.slice(head + 4);
    }
    while (this.#rest.length >= 2) {
      const [first, code] = this.#rest as unknown as [number, number];
      const size = code < 126
        ? 2 + code
        : code === 126
        ? 4 + this.#rest[2]! * 256 + this.#rest[3]!
        : Infinity;
      if (!(this.#rest.length >= size)) return;
      const pong = frame({ opcode: 10, payload: this.#rest.subarray(2, size), key: KEY });
      this.#rest = this.#rest.slice(size);
      // Between two pieces of what the plan says it would be in the midst of a frame.
      if (first === 0x89) this.pongs.push(pong);
    }
  }

  /** Pongs to send between two frames. */
  readonly pongs: Uint8Array[] = [];

  drain(): void {}

  end(): void {
    this.ended = true;
    this.transport.closeWrite();
  }

  close(): void {
    this.closed = true;
  }
}

/** One connection that is played. */
export class Scene {
  readonly #plan: Plan;
  readonly #clock: FakeClock;
  readonly #random: Random;
  readonly #sent: Message[] = [];
  readonly #taken: Message[] = [];
  #takenBytes = 0;
  readonly #echoed: Message[] = [];
  // What must have settled at the end, by name.
  readonly #pending: Map<Promise<unknown>, string> = new Map();
  #socket: Connection | undefined;
  // This many messages are taken before the application closes, or fails.
  #strictUntil = Infinity;
  #lost = 0;
  #acted = 0;
  // Bytes that were written to the network.
  #read = 0;

  constructor(plan: Plan, clock: FakeClock) {
    this.#plan = plan;
    this.#clock = clock;
    this.#random = new Random(plan.seed);
  }

  async play(): Promise<void> {
    const plan = this.#plan;
    const [ours, theirs] = this.#transports();
    const context = this.#begin(ours);
    const peer = new Peer(theirs);
    await this.#speak(peer);
    // An application that takes what comes may take its time.
    const patience = plan.end === "Close" || plan.end === "FIN" ? 20 + 4 * plan.messages.length : 20;
    for (let wait = 0; wait < patience && !peer.closed; wait++) await turn();
    // Whatever waits for a peer that says nothing waits until its deadline: here the peer goes.
    peer.transport.abort();
    // What a stream had received before it closed is still delivered, followed by its end.
    if (plan.handler === "takes none" && this.#socket !== undefined) {
      for await (const message of this.#socket) this.#taken.push(message);
    }
    await this.#settled();
    this.#check(peer, context);
  }

  #transports(): [Transport, Transport] {
    if (this.#plan.over === "memory") return memoryPair({ highWaterMark: 2048 });
    const [ours, theirs] = keepingStreams();
    for (const stream of [ours, theirs]) stream.on("error", () => {});
    return [new DuplexTransport(ours as never), new DuplexTransport(theirs as never)];
  }

  #begin(transport: Transport): Context {
    const plan = this.#plan;
    const given = {
      compression: plan.compression,
      receiveQueue: { messages: plan.maxMessages, bytes: plan.maxBytes },
      maxMessageSize: LARGEST_MESSAGE,
      sendHighWaterMark: 1024,
      heartbeat: { interval: 1000, timeout: 1000 },
      closeTimeout: 50,
      upgrade: this.#hook(plan.upgrade),
      accepted: this.#hook(plan.accepted),
      limit: this.#hook(plan.limit),
      error: plan.error === "absent" ? () => {} : this.#hook(plan.error),
    };
    const options = readOptions<OpeningOptions<undefined>>(
      "acceptor()",
      Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never,
    );
    const settings = connectionSettings(given);
    const home = new Home<undefined>(
      options,
      settings,
      new Topics(options, settings),
      new Admission(options as never),
    );
    const endpointAt = endpointsOf(options, this.#handler(), home);
    const context: OpeningContext<undefined> = {
      options,
      policy: policyOf("any", endpointAt),
      limits: { maxHeadSize: 16 * 1024, maxHeaders: 100 },
      home,
      endpointAt,
      deadlines: new Deadlines(10_000),
      handshakes: new Roster<OpeningHandshake<undefined>>(),
      retryAfter: undefined,
      notice: new RefusalNotice(),
      http: undefined,
    };
    const opening = new OpeningHandshake(transport, context);
    transport.attach(opening);
    opening.enter();
    return context;
  }

  #hook(fate: HookFate): (() => unknown) | undefined {
    switch (fate) {
      case "absent":
        return undefined;
      case "returns":
        return () => undefined;
      case "waits":
        return async () => await turn();
      case "throws":
        return () => {
          throw new Error("a hook throws");
        };
      case "rejects":
        return () => Promise.reject(new Error("a hook rejects"));
    }
  }

  // What the application does.

  #handler(): ConnectionHandler {
    switch (this.#plan.handler) {
      case "loop":
        return async (socket) => {
          this.#has(socket);
          for await (const message of socket) await this.#take(socket, message);
        };
      case "pieces":
        return async (socket) => {
          this.#has(socket);
          await this.#takePieces(socket);
        };
      case "callbacks":
        return {
          open: (socket) => this.#has(socket),
          message: (socket, message) => this.#take(socket, message),
        };
      case "takes none":
        return async (socket) => {
          this.#has(socket);
          await socket.closed;
        };
      case "leaves at once":
        return (socket) => {
          this.#leave();
          this.#has(socket);
        };
    }
  }

  async #takePieces(socket: Connection): Promise<void> {
    try {
      for (;;) {
        const pieces: Message[] = [];
        for await (const piece of socket.stream()) {
          this.#takenBytes += sizeOf(piece);
          pieces.push(piece);
        }
        const whole = typeof pieces[0] === "string" ? pieces.join("") : bytesOf(...pieces as Uint8Array[]);
        this.#taken.push(whole);
        await this.#act(socket);
      }
    } catch (error) {
      if (socket.readyState === "open") throw error;
    }
  }

  #has(socket: Connection): void {
    this.#socket = socket;
    socket.subscribe("all");
    this.#mustSettle("closed", socket.closed);
  }

  #take(socket: Connection, message: Message): unknown {
    this.#takenBytes += sizeOf(message);
    this.#taken.push(message);
    return this.#act(socket);
  }

  #act(socket: Connection): unknown {
    const { acts } = this.#plan;
    return this.#doing(acts[this.#acted++ % acts.length]!, socket);
  }

  #doing(act: Act, socket: Connection): unknown {
    switch (act) {
      case "nothing":
        return;
      case "throw":
        this.#leave();
        throw new Error("a handler throws");
      case "reject":
        this.#leave();
        return Promise.reject(new Error("a handler rejects"));
      case "wait":
        return turn();
      case "send":
        return this.#send(socket, `sent ${this.#acted}`);
      case "stream":
        return this.#mustSettle("sendStream()", socket.sendStream(["one ", "two ", "three"]));
      case "stream surrogates":
        return this.#mustSettle("sendStream()", socket.sendStream(["x\ud800\ud800", "\udc00", "\ud800"]));
      case "ping":
        this.#mustSettle("ping()", socket.ping());
        return;
      case "drained":
        return this.#mustSettle("drained()", socket.drained());
      case "publish":
        socket.subscribe("all");
        return;
      case "close":
        this.#leave();
        void this.#mustSettle("close()", socket.close(4000, "enough"));
        return;
      case "abort":
        this.#leave();
        socket.abort();
        return;
    }
  }

  #leave(): void {
    this.#strictUntil = Math.min(this.#strictUntil, this.#taken.length);
  }

  #send(socket: Connection, text: string): void {
    const { lost, readyState } = socket;
    socket.send(text);
    if (readyState === "open") this.#echoed.push(text);
    else {
      this.#lost++;
      assert.equal(socket.lost, lost + 1, "a message that is not sent is counted");
    }
  }

  /** Whatever becomes of it, it must not be pending at the end. Never rejects. */
  #mustSettle(name: string, promise: Promise<unknown>): Promise<unknown> {
    const settling = promise.catch(() => {}).finally(() => this.#pending.delete(promise));
    this.#pending.set(promise, name);
    return settling;
  }

  // What the peer does.

  async #speak(peer: Peer): Promise<void> {
    const { messages, early, compression, end } = this.#plan;
    const opening = request(compression ? { "Sec-WebSocket-Extensions": "permessage-deflate" } : {});
    const frames = messages.map((each) => this.#framesOf(each));
    await this.#write(peer, [bytesOf(bytesOf(opening), ...frames.slice(0, 1)), ...frames.slice(1, early)]);
    await this.#write(peer, frames.slice(Math.max(1, early)));
    if (end === "Close") {
      await this.#write(peer, [frame({ opcode: 8, payload: Uint8Array.of(3, 232), key: KEY })]);
    } else if (end === "fault") await this.#write(peer, [frame({ opcode: 3, key: KEY })]);
    else if (end === "FIN") peer.transport.closeWrite();
    else if (end === "reset") peer.transport.abort();
  }

  #framesOf({ text, size, fragments, compressed, ping }: PlannedMessage): Uint8Array {
    const index = this.#sent.length;
    const content = `${index} `.padEnd(size, "abcdefgh").slice(0, size);
    this.#sent.push(text ? content : bytesOf(content));
    const deflates = compressed && this.#plan.compression;
    let payload = bytesOf(content);
    if (deflates) {
      const blocks = deflateRawSync(payload, { finishFlush: 2 });
      payload = size === 0 ? Uint8Array.of(0) : new Uint8Array(blocks.subarray(0, blocks.length - 4));
    }
    const step = Math.ceil(payload.length / fragments) || 1;
    const pieces: Uint8Array[] = [];
    if (ping) pieces.push(frame({ opcode: 9, payload: "?", key: KEY }));
    for (let at = 0; at === 0 || at < payload.length; at += step) {
      pieces.push(frame({
        opcode: at > 0 ? 0 : text ? 1 : 2,
        rsv: deflates && at === 0 ? 4 : 0,
        fin: at + step >= payload.length,
        payload: payload.subarray(at, at + step),
        key: KEY,
      }));
    }
    return bytesOf(...pieces);
  }

  /** Writes in pieces of any size. What is held between the network and the application is looked at after each. */
  async #write(peer: Peer, wholes: readonly Uint8Array[]): Promise<void> {
    const bytes = bytesOf(...wholes);
    // Where a frame of the peer's own may stand.
    const boundaries: number[] = [];
    wholes.reduce((sum, each) => (boundaries.push(sum + each.length), sum + each.length), 0);
    const { largest, stalls, maxBytes } = this.#plan;
    let stall = 0;
    let last = 0;
    // This many pieces wait at most for a turn of their own, so that a long plan takes no longer than a short one.
    const pause = Math.ceil(bytes.length / largest / 30);
    for (let at = 0, piece = 0; at < bytes.length && !peer.closed; piece++) {
      if (at === 0 || boundaries.includes(at)) {
        for (const pong of peer.pongs.splice(0)) peer.transport.write(pong);
      }
      let end = Math.min(bytes.length, at + 1 + this.#random.below(largest));
      if (peer.pongs.length > 0) end = Math.min(end, boundaries.find((each) => each > at)!);
      peer.transport.write(bytes.subarray(at, end));
      at = end;
      if (piece % pause !== 0) continue;
      if (at === bytes.length) { for (const pong of peer.pongs.splice(0)) peer.transport.write(pong); }
      const milliseconds = stalls[stall++] ?? 0;
      if (milliseconds > 0) await this.#clock.jump(milliseconds);
      await turn();
      if (this.#isLeaving) continue;
      const here = this.#socket === undefined ? 0 : decoded.get(this.#socket) ?? 0;
      const held = here - this.#takenBytes;
      assert.ok(
        held <= maxBytes + LARGEST_MESSAGE,
        `${held} bytes of messages are held, of which ${maxBytes} may be`,
      );
      if (this.#plan.over === "stream") continue;
      this.#read += at - last;
      last = at;
      const read = this.#read - peer.transport.bufferedAmount;
      const bound = here + EARLY + LARGEST_MESSAGE + MOST_FRAMING * this.#sent.length;
      assert.ok(
        this.#plan.compression || read <= bound,
        `${read} bytes are read, and ${here} of them are decoded`,
      );
    }
    this.#read += bytes.length - last;
  }

  /** Whether what comes is thrown away, since the application has had enough, or failed. */
  get #isLeaving(): boolean {
    return this.#socket === undefined ? false : this.#socket.readyState !== "open";
  }

  // What must hold at the end.

  async #settled(): Promise<void> {
    for (let wait = 0; wait < 200 && this.#pending.size > 0; wait++) await turn();
    for (let wait = 0; wait < 10; wait++) await turn();
  }

  #check(peer: Peer, { home, handshakes }: Context): void {
    const plan = this.#plan;
    assert.deepEqual([...this.#pending.values()], [], "every promise settles");
    assert.equal(home.connections.size, 0, "nobody is left");
    assert.equal(handshakes.size, 0, "no opening handshake is left");
    assert.ok(peer.closed, "the transport has ended");
    // Behind our own Close frame those may be missing for which there was no room.
    let next = 0;
    for (const [index, message] of this.#taken.entries()) {
      while (index >= this.#strictUntil && next < this.#sent.length && !isSame(message, this.#sent[next]!)) {
        next++;
      }
      assert.deepEqual(message, this.#sent[next++], `message ${index} is the one that was sent as that`);
    }
    const text = Array.from(peer.received, (byte) => String.fromCharCode(byte)).join("");
    if (!text.startsWith("HTTP/1.1 101")) {
      assert.ok(
        plan.upgrade === "throws" || plan.upgrade === "rejects" || text === "" || plan.end === "reset",
        text,
      );
      return;
    }
    const isHeard = plan.end === "Close" || plan.end === "FIN";
    const takesAll = plan.handler === "loop" || plan.handler === "callbacks" || plan.handler === "pieces";
    if (isHeard && takesAll && this.#strictUntil === Infinity) {
      assert.equal(this.#taken.length, this.#sent.length, "every message was taken");
    }
    if (!isHeard) return;
    const rest = peer.received.subarray(text.indexOf("\r\n\r\n") + 4);
    const frames = parseFrames(rest, false, plan.compression);
    const texts = frames.filter(({ opcode, compressed }) => opcode === 1 && !compressed)
      .map(({ payload }) => new TextDecoder().decode(payload)).filter((each) => each.startsWith("sent "));
    assert.deepEqual(texts, this.#echoed.slice(0, texts.length), "what is sent arrives as it was, in order");
  }
}

function isSame(one: Message, other: Message): boolean {
  return typeof one === typeof other && bytesOf(one).join() === bytesOf(other).join();
}

function sizeOf(message: Message): number {
  return typeof message === "string" ? message.length : message.byteLength;
}
