/** Permessage-deflate as it is agreed upon, by everything that opens a connection. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import {
  acceptor,
  type CompressionOptions,
  connect,
  type Connection,
  type ConnectionHandler,
  type ConnectionOptions,
  HandshakeError,
  type Message,
  reconnecting,
  serve,
  type Server,
  WebSocket,
  WebSocketStream,
} from "../../mod.ts";
import { acceptKey } from "../../src/handshake/accept_key.ts";
import { handshakePair, pair } from "../../src/testing/mod.ts";
import { next } from "../client/support.ts";
import { carried, framesOf, SHARED, TAKEOVER } from "./support.ts";
import { test } from "../harness.ts";
import { RawServer } from "../raw_peer.ts";
import { take } from "../connection/streaming_support.ts";

type Compression = ConnectionOptions["compression"];

const TEXT = JSON.stringify({
  id: 1,
  names: ["one", "two", "three"],
  words: "all that is said twice ".repeat(5),
});

const echo: ConnectionHandler = { message: (socket, message) => void socket.send(message) };

/** Each option with values that cannot be used, and what the error says of those that can. */
const WRONG: [keyof CompressionOptions, unknown[], RegExp][] = [
  ["mode", ["Shared", "", "context takeover", 1, null, true], /give "shared" or "context-takeover"\.$/],
  ["level", [-1, 10, 1.5, NaN, "6", null, Infinity], /give a whole number from 0 to 9\.$/],
  ["threshold", [-1, 0.5, NaN, "64", null, -Infinity], /give a whole number of at least 0\.$/],
  ["windowBits", [8, 16, 9.5, NaN, "10", null], /give a whole number from 9 to 15\.$/],
  ["peerWindowBits", [7, 16, 8.5, NaN, "10", null], /give a whole number from 8 to 15\.$/],
];

test("compression: an option that cannot be used is a RangeError that says what can", async () => {
  for (const [name, values, sentence] of WRONG) {
    for (const value of values) {
      for (
        const mode of name === "mode" ? [{}] : [{}, { mode: "shared" }, { mode: "context-takeover" }] as const
      ) {
        const options = { compression: { ...mode, [name]: value } as CompressionOptions };
        const wrong = (error: unknown): boolean => {
          assert.ok(error instanceof RangeError, String(error));
          assert.match(error.message, sentence);
          assert.match(
            error.message,
            new RegExp(`^Cannot use ${String(value)} for option compression\\.${name}: `),
          );
          return true;
        };
        assert.throws(() => pair({ client: options }), wrong);
        assert.throws(() => pair({ server: options }), wrong);
        assert.throws(() => acceptor(options, echo), wrong);
        await assert.rejects(serve({ port: 0, ...options }, echo), wrong);
        await assert.rejects(connect("ws://127.0.0.1:1/", options), wrong);
        await assert.rejects(handshakePair({ client: options }), wrong);
        await assert.rejects(handshakePair({ server: options }), wrong);
      }
    }
  }
});

test("compression: every option's ends of the range can be used", async () => {
  for (const mode of ["shared", "context-takeover"] as const) {
    for (
      const options of [
        { level: 0, threshold: 0, windowBits: 9, peerWindowBits: 8 },
        { level: 9, threshold: 1e9, windowBits: 15, peerWindowBits: 15 },
        { peerContextTakeover: true },
        { peerContextTakeover: false },
      ]
    ) {
      const compression = { mode, ...options };
      await using ends = pair({ client: { compression }, server: { compression } });
      ends.client.send(TEXT);
      ends.server.send(TEXT);
      assert.deepEqual([await take(ends.server, 1), await take(ends.client, 1)], [[TEXT], [TEXT]]);
    }
  }
});

const MODES: Record<string, Compression> = {
  "none": undefined,
  "false": false,
  "true": true,
  "shared": { mode: "shared" },
  "defaults": {},
  "takeover": { mode: "context-takeover" },
};

/** What two modes agree upon, the server's first. */
function agreed(server: string, client: string): string {
  if ([server, client].some((mode) => mode === "none" || mode === "false")) return "";
  const [theServer, theClient] = [server, client].map((mode) => mode === "takeover");
  return [
    "permessage-deflate",
    theServer ? [] : "server_no_context_takeover",
    theClient ? [] : "client_no_context_takeover",
    theServer ? "server_max_window_bits=12" : [],
    theClient ? "client_max_window_bits=12" : [],
  ].flat().join("; ");
}

for (const [how, join] of [["a handshake", handshakePair], ["pair()", pair]] as const) {
  test(`compression: each mode of a server with each of a client, by ${how}`, async () => {
    for (const [server, ofServer] of Object.entries(MODES)) {
      for (const [client, ofClient] of Object.entries(MODES)) {
        await using ends = await join({
          server: ofServer === undefined ? {} : { compression: ofServer },
          client: ofClient === undefined ? {} : { compression: ofClient },
          network: { record: true },
        });
        const extensions = agreed(server, client);
        assert.equal(ends.server.extensions, extensions, `${server} and ${client}`);
        assert.equal(ends.client.extensions, extensions);
        const messages: Message[] = [TEXT, "short", TEXT, new Uint8Array(500), ""];
        for (const message of messages) {
          ends.client.send(message);
          ends.server.send(message);
        }
        assert.deepEqual(await take(ends.server, 5), messages);
        assert.deepEqual(await take(ends.client, 5), messages);
        for (const [from, mode] of [["server", server], ["client", client]] as const) {
          const flow = from === "server" ? ends.network.toClient : ends.network.toServer;
          const all = carried(framesOf(flow, from), extensions, from);
          assert.deepEqual(all.map(({ data }) => data), messages);
          const compressed = extensions !== "";
          assert.deepEqual(all.map((each) => each.compressed), [
            compressed,
            false,
            compressed,
            compressed,
            false,
          ]);
          if (!compressed) continue;
          assert.ok(all[0]!.size < TEXT.length / 2 && all[3]!.size < 20);
          if (mode === "takeover") assert.ok(all[2]!.size < 20, `${all[2]!.size} bytes the second time`);
          else assert.equal(all[2]!.size, all[0]!.size);
        }
      }
    }
  });
}

test("compression: the windows that are asked for, and peers that are to compress afresh", async () => {
  const cases: [CompressionOptions, CompressionOptions, string][] = [
    [
      { windowBits: 9 },
      {},
      "server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9",
    ],
    [
      {},
      { windowBits: 9 },
      "server_no_context_takeover; client_no_context_takeover; client_max_window_bits=9",
    ],
    [
      { peerWindowBits: 8 },
      { peerWindowBits: 8 },
      "server_no_context_takeover; client_no_context_takeover; server_max_window_bits=8; client_max_window_bits=8",
    ],
    [
      { mode: "context-takeover", windowBits: 15, peerContextTakeover: false },
      { mode: "context-takeover", windowBits: 15 },
      "client_no_context_takeover",
    ],
    [
      { mode: "context-takeover", windowBits: 15 },
      { mode: "context-takeover", windowBits: 15, peerContextTakeover: false },
      "server_no_context_takeover",
    ],
    [
      { mode: "context-takeover", windowBits: 13, peerWindowBits: 10 },
      { mode: "context-takeover", windowBits: 14, peerWindowBits: 9 },
      "server_max_window_bits=9; client_max_window_bits=10",
    ],
  ];
  for (const [server, client, parameters] of cases) {
    await using ends = await handshakePair({
      server: { compression: server },
      client: { compression: client },
      network: { record: true },
    });
    assert.equal(ends.client.extensions, `permessage-deflate; ${parameters}`);
    const noise = Array.from({ length: 400 }, (_, index) => (index * index) % 1000).join(" ");
    for (const text of [TEXT, noise, noise + TEXT, TEXT]) {
      ends.client.send(text);
      ends.server.send(text);
    }
    await take(ends.server, 4);
    await take(ends.client, 4);
    const { toClient, toServer } = ends.network;
    assert.equal(carried(framesOf(toClient, "server"), ends.client.extensions, "server").length, 4);
    assert.equal(carried(framesOf(toServer, "client"), ends.client.extensions, "client").length, 4);
  }
});

test("compression: frames in the packet of the opening handshake are decompressed, in any split", async () => {
  for (const compression of [true, { mode: "context-takeover" }] as const) {
    for (const split of ["bytes", 7, { seed: 3 }] as const) {
      await using ends = await handshakePair({
        server: { compression },
        client: { compression },
        network: { split },
        handler: {
          open: (socket) => void socket.send(TEXT),
          message: (socket, message) => void socket.send(message),
        },
      });
      ends.client.send(TEXT);
      assert.deepEqual(await take(ends.client, 2), [TEXT, TEXT]);
    }
  }
});

/** Echoes over this connection, and the extensions. */
async function echoes(socket: Connection): Promise<string> {
  for (const message of [TEXT, TEXT, new Uint8Array(1000)]) {
    socket.send(message);
    assert.deepEqual(await next(socket), message);
  }
  const { extensions } = socket;
  assert.equal((await socket.close()).wasClean, true);
  return extensions;
}

test("compression: serve() and connect(), in both modes and in none", async () => {
  for (
    const [server, ofServer] of [["true", true], ["takeover", MODES["takeover"]!], ["false", false]] as const
  ) {
    await using served: Server = await serve({ port: 0, compression: ofServer }, echo);
    for (
      const [client, ofClient] of [["true", true], ["takeover", MODES["takeover"]!], [
        "false",
        false,
      ]] as const
    ) {
      const socket = await connect(served.url, { compression: ofClient });
      assert.equal(await echoes(socket), agreed(server, client));
    }
    assert.equal(await echoes(await connect(served.url)), "");
  }
});

test("compression: the other faces of a client have it as well", async () => {
  await using served = await serve({ port: 0, compression: true }, echo);
  const web = new WebSocket(served.url, [], { compression: true });
  await new Promise((resolve) => web.addEventListener("open", resolve));
  assert.equal(web.extensions, SHARED);
  const came = new Promise<unknown>((resolve) =>
    web.addEventListener("message", ({ data }) => resolve(data))
  );
  web.send(TEXT);
  assert.equal(await came, TEXT);
  const closed = new Promise((resolve) => web.addEventListener("close", resolve));
  web.close();
  await closed;
  const stream = new WebSocketStream(served.url, { compression: true });
  const { extensions } = await stream.opened;
  assert.equal(extensions, SHARED);
  stream.close();
  await stream.closed;
  for await (const socket of reconnecting(served.url, { compression: { mode: "context-takeover" } })) {
    assert.equal(
      await echoes(socket),
      "permessage-deflate; server_no_context_takeover; client_max_window_bits=12",
    );
    break;
  }
});

test("compression: behind node:http", async () => {
  for (const compression of [true, { mode: "context-takeover" }] as const) {
    const server = createServer();
    server.on("upgrade", acceptor({ compression }, echo));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const extensions = await echoes(await connect(`ws://127.0.0.1:${port}/`, { compression }));
    assert.equal(extensions, compression === true ? SHARED : TAKEOVER);
    assert.equal(await echoes(await connect(`ws://127.0.0.1:${port}/`)), "");
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections?.();
    await closed;
  }
});

/** What comes of a client that is answered with these extensions. */
async function answered(extensions: string, compression: Compression): Promise<Connection | HandshakeError> {
  await using server = await RawServer.listen(async (peer) => {
    const request = await peer.until("\r\n\r\n");
    const key = /sec-websocket-key: (.*)\r\n/i.exec(request)![1]!;
    peer.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${acceptKey(key)}\r\nSec-WebSocket-Extensions: ${extensions}\r\n\r\n`,
    );
    await peer.untilEnd();
  });
  try {
    const socket = await connect(`ws://127.0.0.1:${server.port}/`, {
      ...(compression === undefined ? {} : { compression }),
    });
    socket.abort();
    await socket.closed;
    return socket;
  } catch (error) {
    assert.ok(error instanceof HandshakeError, String(error));
    return error;
  }
}

test("RFC 7692, section 5.1: a server whose answer cannot be used fails the opening handshake", async () => {
  const asks = { peerWindowBits: 10, peerContextTakeover: false };
  for (
    const [extensions, compression, sentence] of [
      [
        "permessage-deflate; server_max_window_bits=7",
        true,
        /server_max_window_bits is not a number from 8 to 15/,
      ],
      ["permessage-deflate; client_max_window_bits", true, /client_max_window_bits has no value/],
      ["permessage-deflate; foo=1", true, /a parameter that RFC 7692 does not define/],
      ["permessage-deflate; server_no_context_takeover; server_no_context_takeover", true, /is repeated/],
      ["permessage-deflate, permessage-deflate", true, /accepts permessage-deflate twice/],
      ["permessage-deflate; server_max_window_bits=10", asks, /did not accept server_no_context_takeover/],
      ["permessage-deflate; server_no_context_takeover", asks, /window of 15 bits, where at most 10/],
    ] as const
  ) {
    const error = await answered(extensions, compression);
    assert.ok(error instanceof HandshakeError, extensions);
    assert.deepEqual([error.step, error.reason, error.section, error.status], [
      "response",
      "extension-parameters",
      "RFC 7692, section 5.1",
      101,
    ]);
    assert.match(error.message, sentence);
    assert.match(error.message, /\.$/);
  }
});

test("RFC 6455, section 4.1: a server that compresses though nobody offered it fails the opening handshake", async () => {
  for (const compression of [undefined, false] as const) {
    const error = await answered("permessage-deflate", compression);
    assert.ok(error instanceof HandshakeError);
    assert.equal(error.reason, "extension-not-offered");
  }
  const other = await answered("x-webkit-deflate-frame", true);
  assert.ok(other instanceof HandshakeError);
  assert.equal(other.reason, "extension-not-offered");
});

test("RFC 7692, section 7.1: the extensions of a connection are named as the server has named them", async () => {
  for (const extensions of ["permessage-deflate", "permessage-deflate;client_max_window_bits=15"]) {
    const socket = await answered(extensions, { mode: "context-takeover" });
    assert.ok(!(socket instanceof HandshakeError), String(socket));
    assert.equal(socket.extensions, extensions);
  }
});
