/** nginx before the server, with the configuration that docs/deploy publishes. */
import assert from "node:assert/strict";
import { exchange } from "../raw_peer.ts";
import { nginx } from "./fronts.ts";
import { operations } from "./operations.ts";
import { scenarios } from "./scenarios.ts";
import { proxyTest, Setting } from "./setting.ts";

scenarios(nginx);
operations(nginx);

proxyTest(nginx, "an ordinary request reaches the server without Upgrade, in either header", async () => {
  const seen: (string | null)[] = [];
  await using setting = await Setting.begin(nginx, {
    server: {
      fetch: ({ headers }) => {
        seen.push(headers.get("connection"), headers.get("upgrade"));
        return new Response("a page");
      },
    },
  });
  const { plainPort } = setting.front;
  await exchange(plainPort, `GET / HTTP/1.1\r\nHost: 127.0.0.1:${plainPort}\r\nConnection: close\r\n\r\n`);
  assert.deepEqual(seen, ["close", null]);
});
