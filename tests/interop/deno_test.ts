/** Deno's own server and client. */
import assert from "node:assert/strict";
import { alike, echo, MODES } from "./compression.ts";
import { interop } from "./interop.ts";
import { onDeno } from "./programs.ts";
import type { Scenario } from "./scenarios.ts";
import { take } from "./scene.ts";

const cannot = {
  "ping": "Deno sends pings by itself alone, when its idle timeout is near",
  "show pings": "Deno tells no one of pings",
  "send fragments": "the WHATWG interface sends whole messages",
  "show the answer": "the WHATWG interface does not show the response",
  "tell a lost connection as 1006": "Deno's close event has the code 0 then",
};

const withoutCompression: Scenario = {
  name: "RFC 7692, section 5: a peer that has no compression is spoken to without, in each of our modes",
  async run(scene) {
    for (const mode of MODES) {
      const { socket, opened, passed } = await scene.openAndWatch({ mode });
      assert.equal(socket.extensions, "");
      assert.equal(opened.extensions, "");
      const messages = alike();
      await echo(socket, messages);
      assert.ok(passed().ours > messages.join("").length);
      await scene.close(socket);
    }
  },
};

interop(
  {
    name: "Deno.upgradeWebSocket",
    role: "server",
    start: onDeno("deno_server.ts"),
    cannot: { ...cannot, "show the subprotocol": "the protocol of an upgraded socket is always empty" },
  },
  [withoutCompression, {
    name: "RFC 6455, section 5.5.3: a server that pings when idle, and would close, is answered",
    async run(scene) {
      const socket = await scene.open({ path: "/idle" });
      // Of the server's idle timeout, one second, twice as much.
      await new Promise((resolve) => setTimeout(resolve, 2000));
      socket.send("still here");
      assert.equal(await take(socket), "still here");
      await socket.close();
    },
  }],
);
interop({ name: "Deno's WebSocket", role: "client", start: onDeno("web_client.ts"), cannot }, [
  withoutCompression,
]);
