/** The seed's server and our client; our server and the seed's client, which is the runtime's own WebSocket. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, serve } from "../../mod.ts";
import { skip, test } from "../harness.ts";
import { exchange, request } from "../raw_peer.ts";
import { seedServer } from "./seed_server.ts";

test("our client opens against the seed's server", async () => {
  const server = seedServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = await connect(`ws://127.0.0.1:${(server.address() as { port: number }).port}`);
  assert.equal(socket.readyState, "open");
  socket.abort();
  await socket.closed;
  server.close();
  await once(server, "close");
});

if (typeof WebSocket === "undefined") {
  skip("the seed's client opens against our server", "this Node has no WebSocket of its own (22 has)");
} else {
  test("the seed's client opens against our server and prints 握手成功", async () => {
    const server = await serve({ port: 0 }, { message: (socket, message) => socket.send(message) });
    const printed: string[] = [];
    const client = new WebSocket(server.url.slice(0, -1));
    client.onopen = () => {
      printed.push("握手成功");
      client.send("again");
    };
    client.onmessage = ({ data }) => {
      printed.push(data);
      client.close(1000);
    };
    const close = await new Promise<CloseEvent>((resolve) => (client.onclose = resolve));
    assert.deepEqual(printed, ["握手成功", "again"]);
    assert.equal(close.code, 1000);
    assert.ok(close.wasClean);
    await server.shutdown();
  });
}

test("what the seed got wrong: lower case, other tokens, a list without a space, a length of nothing, no WebSocket at all", async () => {
  const server = await serve({ port: 0, protocols: ["b"] }, {});
  const close = "\x88\x80\x37\xfa\x21\x3d";
  const status = async (text: string): Promise<string> => (await exchange(server.port, text)).slice(9, 12);
  assert.equal(
    await status(
      request().toLowerCase().replace("get", "GET").replace("http/1.1", "HTTP/1.1")
        .replace("dghlihnhbxbszsbub25jzq==", "dGhlIHNhbXBsZSBub25jZQ==") + close,
    ),
    "101",
  );
  assert.equal(await status(request({ "Connection": "keep-alive, Upgrade" }) + close), "101");
  assert.equal(await status(request({ "Content-Length": "0" }) + close), "101");
  const chosen = await exchange(server.port, request({ "Sec-WebSocket-Protocol": "a,b" }) + close);
  assert.match(chosen, /\r\nSec-WebSocket-Protocol: b\r\n/);
  assert.equal(await status("GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\n\r\n"), "426");
  await server.shutdown();
});
