/** Long bodies, both ways: a slow reader and a slow application hold back the other side, and the process does not grow. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect as connectTcp, type Socket } from "node:net";
import { Readable } from "node:stream";
import { serve, type ServeOptions } from "../../mod.ts";
import { amount, runtime, test } from "../harness.ts";
import { memoryHeld } from "../memory.ts";

const MIB = 1024 * 1024;
const SIZE = amount(200, 100) * MIB;
// What code, its compilation and buffers take is there before it is measured.
const WARM_UP = 16 * MIB;
const PIECE = 64 * 1024;
const piece = new Uint8Array(PIECE).fill(0x78);

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The pieces of a body, and how many have been asked for. */
function body(size: number): { pieces: Generator<Uint8Array>; readonly asked: number } {
  let asked = 0;
  return {
    pieces: (function* () {
      for (; asked < size / PIECE; asked++) yield piece;
    })(),
    get asked() {
      return asked;
    },
  };
}

/** By how much the process grows at most, looked at again and again. */
async function growth(use: () => Promise<void>): Promise<number> {
  const before = memoryHeld();
  let most = before;
  // On Deno a collection of all garbage takes longest.
  const looking = setInterval(() => most = Math.max(most, memoryHeld()), runtime === "deno" ? 400 : 100);
  try {
    await use();
  } finally {
    clearInterval(looking);
  }
  return (most - before) / MIB;
}

async function connected(port: number): Promise<Socket> {
  const socket = connectTcp(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

const responders: Record<string, (asked: ReturnType<typeof body>) => Pick<ServeOptions, "http" | "fetch">> = {
  http: ({ pieces }) => ({
    http: (_: IncomingMessage, response: ServerResponse) => void Readable.from(pieces).pipe(response),
  }),
  fetch: ({ pieces }) => ({
    fetch: () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            const { done, value } = pieces.next();
            if (done) controller.close();
            else controller.enqueue(value);
          },
        }),
      ),
  }),
};

for (const [name, respond] of Object.entries(responders)) {
  const transfer = async (size: number): Promise<number> => {
    const made = body(size);
    await using server = await serve({ port: 0, ...respond(made) }, () => {});
    const socket = await connected(server.port);
    let received = 0;
    const grown = await growth(async () => {
      socket.pause();
      socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
      await pause(300);
      const ahead = made.asked * PIECE / MIB;
      assert.ok(ahead < 48, `${ahead} MiB were made for a peer that reads nothing`);
      socket.on("data", (chunk: Uint8Array) => received += chunk.length);
      socket.resume();
      await once(socket, "end");
    });
    assert.ok(received > size, `${received} bytes`);
    socket.destroy();
    return grown;
  };
  test(`${name}: a long response to a slow reader is made no faster than it is read`, async () => {
    await transfer(WARM_UP);
    const grown = await transfer(SIZE);
    assert.ok(grown < 64, `${grown} MiB more memory`);
  });
}

const receivers: Record<
  string,
  (taken: (size: number) => Promise<void> | undefined) => Pick<ServeOptions, "http" | "fetch">
> = {
  http: (taken) => ({
    async http(request: IncomingMessage, response: ServerResponse) {
      let size = 0;
      for await (const chunk of request as AsyncIterable<Uint8Array>) {
        size += chunk.length;
        await taken(size);
      }
      response.end(`<${size}>`);
    },
  }),
  fetch: (taken) => ({
    async fetch(request) {
      let size = 0;
      for await (const chunk of request.body!) {
        size += chunk.length;
        await taken(size);
      }
      return new Response(`<${size}>`);
    },
  }),
};

for (const [name, receive] of Object.entries(receivers)) {
  const transfer = async (size: number): Promise<number> => {
    let go!: () => void;
    const going = new Promise<void>((resolve) => (go = resolve));
    await using server = await serve(
      { port: 0, ...receive((size) => size > MIB ? going : undefined) },
      () => {},
    );
    const socket = await connected(server.port);
    let answer = "";
    socket.on("data", (chunk: Uint8Array) => answer += String(chunk));
    const grown = await growth(async () => {
      socket.write(
        `POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n`,
      );
      const { pieces } = body(size);
      let sent = 0;
      const stalled = pause(300).then(() => sent);
      void stalled.then((before) => {
        assert.ok(before < 48 * MIB, `${before} bytes were taken from the peer`);
        go();
      });
      for (const each of pieces) {
        sent += each.length;
        if (!socket.write(each)) await once(socket, "drain");
      }
      await stalled;
      await once(socket, "end");
    });
    assert.ok(answer.includes(`<${size}>`), answer);
    socket.destroy();
    return grown;
  };
  test(`${name}: a long request to a slow application is read no faster than it is taken`, async () => {
    await transfer(WARM_UP);
    const grown = await transfer(SIZE);
    assert.ok(grown < 64, `${grown} MiB more memory`);
  });
}
