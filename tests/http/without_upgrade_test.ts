import assert from "node:assert/strict";
import { isOfferedByTheWay, withoutUpgrade } from "../../src/http/without_upgrade.ts";
import { test } from "../harness.ts";

test("RFC 9110, section 7.8: what clients offer by the way, and a WebSocket is never among it", () => {
  for (const offer of ["h2c", "H2C", "h2c, foo", "TLS/1.2", "tls", "TLS/1.0, HTTP/1.1"]) {
    assert.ok(isOfferedByTheWay(offer), offer);
  }
  for (const other of ["", "websocket", "WebSocket, h2c", "h2c, websocket", "h2cx", "foo"]) {
    assert.ok(!isOfferedByTheWay(other), other);
  }
});

test("RFC 9110, section 7.8: a request as if it had asked for no upgrade", () => {
  const rows: [headers: string[], text: string][] = [
    [
      ["Host", "a", "Upgrade", "h2c", "Connection", "Upgrade, HTTP2-Settings", "HTTP2-Settings", "AA"],
      "Host: a\r\n",
    ],
    [
      ["connection", "keep-alive,upgrade", "UPGRADE", "h2c", "X-A", "\xe9"],
      "connection: keep-alive\r\nX-A: \xe9\r\n",
    ],
    [["Connection", "close", "Connection", "Upgrade"], "Connection: close\r\n"],
    [[], ""],
  ];
  for (const [rawHeaders, text] of rows) {
    const request = { method: "POST", url: "/a?b", httpVersion: "1.1", rawHeaders };
    assert.equal(withoutUpgrade(request), `POST /a?b HTTP/1.1\r\n${text}\r\n`);
  }
  assert.equal(withoutUpgrade({ httpVersion: "1.0", rawHeaders: [] }), "  HTTP/1.0\r\n\r\n");
});
