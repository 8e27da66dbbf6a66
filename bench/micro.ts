/**
 * What the parts of the opening handshake and of the frame path cost by themselves: `npm run bench:micro`.
 * Compare figures within one run only.
 */
import { bench, group, run } from "mitata";
import { acceptanceText, ClientHandshake, Protocol, ServerHandshake } from "../src/core.ts";
import { acceptKey } from "../src/handshake/accept_key.ts";
import { applyMask } from "../src/protocol/mask.ts";

const limits = { maxHeadSize: 16 * 1024, maxHeaders: 100 };
const request = new ClientHandshake({
  host: "127.0.0.1:8000",
  resourceName: "/chat",
  headers: [["User-Agent", "bench"], ["Origin", "http://127.0.0.1:8000"], ["Accept-Language", "en"], [
    "Cookie",
    "id=7",
  ]],
  limits,
}).request();

group("opening handshake, server", () => {
  bench("read and judge a request", () => new ServerHandshake(limits).receive(request));
  bench("the same, in single bytes", () => {
    const handshake = new ServerHandshake(limits);
    for (let i = 0; i < request.length; i++) handshake.receive(request.subarray(i, i + 1));
  });
  bench("key to accept", () => acceptKey("dGhlIHNhbXBsZSBub25jZQ=="));
  const judged = new ServerHandshake(limits).receive(request)!.judgement;
  if (judged.kind === "opening") bench("write the acceptance", () => acceptanceText(judged.request));
});

const sink = { write: () => true, message: () => {}, ping: () => {}, pong: () => {}, finish: () => {} };
const messages = { maxMessageSize: 1024 * 1024, maxFragments: 1024 };

group("frames", () => {
  for (const size of [32, 1024, 16 * 1024]) {
    const bytes = new Uint8Array(size).fill(0x61);
    bench(`mask ${size} bytes`, () => applyMask(bytes, 0, size, 0x37fa213d, 0));
    let frame = new Uint8Array(0);
    new Protocol(
      "client",
      { ...sink, write: (bytes) => ((frame = bytes as Uint8Array<ArrayBuffer>), true) },
      messages,
    )
      .sendText("a".repeat(size));
    const server = new Protocol("server", sink, messages);
    // Receiving unmasks in place, so that each round needs a fresh copy; the copy is a small part of the cost.
    bench(`receive ${size} bytes of text`, () => server.receive(frame.slice()));
    const sender = new Protocol("server", sink, messages);
    const text = "a".repeat(size);
    bench(`send ${size} bytes of text`, () => sender.sendText(text));
  }
});

await run();
