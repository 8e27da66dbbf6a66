/**
 * What comes is borrowed, and on Node lies in memory that the next connection's bytes overwrite: peers that talk by turns, each in
 * pieces, so that whatever is kept without a copy turns into what another has said.
 */
import assert from "node:assert/strict";
import { deflateRawSync } from "node:zlib";
import { connect, type Connection, type Message } from "../../mod.ts";
import { test } from "../harness.ts";
import {
  acceptance,
  BINARY,
  CLOSE,
  closeReasonIn,
  CONTINUATION,
  framesIn,
  heard,
  latin1,
  PING,
  PONG,
  serving,
  TEXT,
} from "../hostile/support.ts";
import { frame, type FrameSpec } from "../protocol/frames.ts";
import { dial, type RawPeer, RawServer, request } from "../raw_peer.ts";

const NAMES = ["ada", "bob", "cyd", "dan"];
const NO_TAKEOVER = "permessage-deflate; client_no_context_takeover; server_no_context_takeover";
const COMPRESSED = { "Sec-WebSocket-Extensions": NO_TAKEOVER };

/** Long enough for what is copied as a whole, and not the same anywhere. */
function longText(name: string): string {
  return Array.from({ length: 400 }, (_, i) => `${name}${i} `).join("");
}

function shortOnes(name: string): Uint8Array[] {
  return Array.from({ length: 40 }, (_, i) => new TextEncoder().encode(`${i} of ${name}`));
}

/** What each says: every kind of frame, with all there is to keep. */
function framesOf(name: string, key: readonly number[] | undefined): string {
  const text = new TextEncoder().encode(longText(name));
  const specs: FrameSpec[] = [
    { opcode: TEXT, payload: `hello of ${name}` },
    { opcode: TEXT, payload: text.subarray(0, 500), fin: false },
    { opcode: PING, payload: `ping of ${name}` },
    { opcode: CONTINUATION, payload: text.subarray(500) },
    { opcode: BINARY, payload: text.subarray(0, 1000) },
    // Some of these come whole.
    ...shortOnes(name).map((payload) => ({ opcode: BINARY, payload })),
    { opcode: TEXT, payload: `größe of ${name}`, fin: false },
    { opcode: CONTINUATION, payload: " and more" },
    { opcode: TEXT, payload: new Uint8Array(deflated(longText(name))), rsv: 4 },
    { opcode: CLOSE, payload: Uint8Array.of(0x03, 0xe8, ...new TextEncoder().encode(`bye of ${name}`)) },
  ];
  return specs.map((spec) => latin1(frame(key === undefined ? spec : { ...spec, key: [...key] }))).join("");
}

function deflated(text: string): Uint8Array {
  return deflateRawSync(text, { finishFlush: 2 }).subarray(0, -4);
}

/** What the other side must have of it. */
function messagesOf(name: string): Message[] {
  return [
    `hello of ${name}`,
    longText(name),
    new TextEncoder().encode(longText(name)).slice(0, 1000),
    ...shortOnes(name),
    `größe of ${name} and more`,
    longText(name),
  ];
}

/** Everybody says a piece, then everybody the next: of lengths that cut heads, headers, keys and payloads. */
async function sayByTurns(peers: readonly RawPeer[], texts: readonly string[]): Promise<void> {
  const lengths = [3, 70, 11, 160, 1, 2, 5, 90, 333, 700, 1, 4, 1500, 40];
  const longest = Math.max(...texts.map((text) => text.length));
  for (let from = 0, i = 0; from < longest; i++) {
    const to = from + lengths[i % lengths.length]!;
    for (const [index, peer] of peers.entries()) {
      peer.write(texts[index]!.slice(from, to));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    from = to;
  }
}

/** Takes the messages late, when some wait, and keeps them as they are, while more comes. */
async function lateMessages(socket: Connection): Promise<Message[]> {
  await new Promise((resolve) => setTimeout(resolve, 50));
  const messages: Message[] = [];
  for await (const message of socket) messages.push(message);
  return messages;
}

test("what peers say by turns, each in pieces, is their own: at a server that decides late and reads late", async () => {
  const said = new Map<string, Message[]>();
  const reasons = new Map<string, string>();
  const options = {
    compression: true,
    // Frames come meanwhile.
    upgrade: () => new Promise<void>((resolve) => setTimeout(resolve, 60)),
  };
  const handler = async (socket: Connection): Promise<void> => {
    const name = socket.request!.headers.get("x-name")!;
    said.set(name, await lateMessages(socket));
    reasons.set(name, (await socket.closed).reason);
  };
  await serving(options, handler, async ({ port }) => {
    const peers = await Promise.all(NAMES.map(() => dial(port)));
    const texts = NAMES.map((name) =>
      request({ ...COMPRESSED, "X-Name": name }) + framesOf(name, [...name, "!"].map((c) => c.charCodeAt(0)))
    );
    await sayByTurns(peers, texts);
    for (const [index, peer] of peers.entries()) {
      const name = NAMES[index]!;
      const { status, rest } = heard(await peer.untilEnd());
      assert.equal(status, 101);
      const frames = framesIn(rest);
      const pongs = frames.filter(({ opcode }) => opcode === PONG);
      assert.deepEqual(pongs.map(({ payload }) => new TextDecoder().decode(payload)), [`ping of ${name}`]);
      assert.equal(closeReasonIn(frames), "");
      await peer.destroy();
    }
    while (reasons.size < NAMES.length) await new Promise((resolve) => setTimeout(resolve, 2));
    for (const name of NAMES) {
      assert.deepEqual(said.get(name), messagesOf(name));
      assert.equal(reasons.get(name), `bye of ${name}`);
    }
  });
});

/** A server that answers all by turns, once all have asked. */
function answeringByTurns(answers: (peers: readonly RawPeer[]) => string[]): Promise<RawServer> {
  const peers: RawPeer[] = [];
  return RawServer.listen(async (peer) => {
    await peer.until("\r\n\r\n");
    peers.push(peer);
    if (peers.length < NAMES.length) return;
    await sayByTurns(peers, answers(peers));
    for (const each of peers) each.end();
  });
}

test("what servers say by turns, each in pieces, is their own: at clients that read late", async () => {
  await using server = await answeringByTurns((peers) =>
    peers.map((each, index) =>
      acceptance(each.received, `Sec-WebSocket-Extensions: ${NO_TAKEOVER}\r\n`) +
      framesOf(NAMES[index]!, undefined)
    )
  );
  const url = `ws://127.0.0.1:${server.port}/`;
  const sockets = await Promise.all(NAMES.map(() => connect(url, { compression: true })));
  const all = await Promise.all(sockets.map(async (socket) => {
    const messages = await lateMessages(socket);
    return [(await socket.closed).reason, messages] as const;
  }));
  // Which of them was the first to be heard nobody knows.
  const byReason = new Map(all);
  for (const name of NAMES) assert.deepEqual(byReason.get(`bye of ${name}`), messagesOf(name));
});

test("what refuses by turns, each in pieces, is repeated as it was said", async () => {
  await using server = await answeringByTurns(() =>
    NAMES.map((name) => {
      const body = longText(name).slice(0, 900);
      return `HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nX-Name: ${name}\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}`;
    })
  );
  const refused = await Promise.all(NAMES.map(async () => {
    const error = await connect(`ws://127.0.0.1:${server.port}/`).catch((reason) => reason);
    return [error.headers.get("x-name"), error.body] as const;
  }));
  const byName = new Map(refused);
  for (const name of NAMES) assert.equal(byName.get(name), longText(name).slice(0, 900));
});
