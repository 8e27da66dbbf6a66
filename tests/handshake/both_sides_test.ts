import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { ClientHandshake, type ClientHandshakeOptions } from "../../src/handshake/client_handshake.ts";
import { type OpeningRequest, ServerHandshake } from "../../src/handshake/server_handshake.ts";
import { type Acceptance, acceptanceText, refusalBytes } from "../../src/handshake/server_response.ts";
import { readAgain } from "../../src/handshake/request_target.ts";
import { bytesOf, clientOptions, feed, LIMITS, splittings, textOf } from "./support.ts";

const DATE = new Date(0);

/** Joins a client and a server, both streams cut in the same way, and answers what each learnt. */
function joined(
  way: number,
  options: Partial<ClientHandshakeOptions>,
  choose: (request: OpeningRequest) => Acceptance,
): { request: OpeningRequest; protocol: string; extensions: unknown; text: string } {
  const client = new ClientHandshake(clientOptions(options));
  const server = new ServerHandshake(LIMITS);
  const asked = feed(splittings(client.request())[way]!, (chunk) => server.receive(chunk));
  assert.ok(asked?.answer.judgement.kind === "opening");
  const { request } = asked.answer.judgement;
  assert.equal(request.key, client.key);
  assert.equal(request.head.text, client.requestText);
  assert.equal(asked.position, client.requestText.length);

  const { headers, authority, resourceName } = readAgain(request.head.text);
  assert.deepEqual([...headers], [...request.head.headers]);
  assert.deepEqual([authority, resourceName], [request.authority, request.resourceName]);

  const text = acceptanceText(request, choose(request));
  const answered = feed(splittings(bytesOf(`${text}\x81\x00`))[way]!, (chunk) => client.receive(chunk));
  assert.ok(answered?.answer.outcome.kind === "open");
  assert.equal(answered.position, text.length, "the first frame is left");
  const { protocol, extensions } = answered.answer.outcome;
  return { request, protocol, extensions, text };
}

test("RFC 6455, section 4: client and server agree, however their bytes are cut", () => {
  for (let way = 0; way < 22; way++) {
    const { request, protocol, extensions } = joined(way, {}, () => ({}));
    assert.equal(request.resourceName, "/");
    assert.equal(protocol, "");
    assert.deepEqual(extensions, []);
  }
});

test("RFC 6455, section 4: client and server agree on subprotocol, extensions and headers", () => {
  const options = {
    host: "app.example:8080",
    resourceName: "/chat?room=%E6%8F%A1",
    protocols: ["a", "b"],
    extensions: 'x; y="1", z',
    headers: [["Origin", "http://app.example:8080"], ["Cookie", "a=\u00e9"]] as const,
  };
  for (let way = 0; way < 22; way++) {
    const { request, protocol, extensions } = joined(way, options, (asked) => ({
      protocol: asked.protocols[1],
      extensions: "z; w",
      headers: [["Set-Cookie", "c=\u00ff"]],
    }));
    assert.equal(request.resourceName, "/chat?room=%E6%8F%A1");
    assert.deepEqual(request.authority, { host: "app.example", port: "8080" });
    assert.deepEqual(request.protocols, ["a", "b"]);
    assert.deepEqual(request.extensions, [{ name: "x", parameters: [["y", "1"]] }, {
      name: "z",
      parameters: [],
    }]);
    assert.equal(request.head.headers.get("cookie"), "a=\u00e9");
    assert.equal(protocol, "b");
    assert.deepEqual(extensions, [{ name: "z", parameters: [["w", true]] }]);
  }
});

test("RFC 9110, section 7.8: with Expect: 100-continue the 100 comes before the 101, and both sides agree", () => {
  for (let way = 0; way < 22; way++) {
    const { text } = joined(way, { headers: [["Expect", "100-continue"]] }, () => ({}));
    assert.ok(text.startsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n"));
  }
});

test("RFC 6455, section 4.2.2: a client reads the refusal of a server, however it is cut", () => {
  for (let way = 0; way < 22; way++) {
    const client = new ClientHandshake(clientOptions({ headers: [["Origin", "http://evil.example"]] }));
    const server = new ServerHandshake(LIMITS);
    const asked = feed(splittings(client.request())[way]!, (chunk) => server.receive(chunk));
    assert.ok(asked?.answer.judgement.kind === "refused");
    const { refusal, head } = asked.answer.judgement;
    const bytes = refusalBytes(refusal, head, DATE);
    const answered = feed(splittings(bytes)[way]!, (chunk) => client.receive(chunk));
    assert.ok(answered?.answer.outcome.kind === "failed");
    assert.equal(answered.answer.outcome.failure.code, "unexpected-status");
    assert.equal(answered.answer.outcome.head?.status, 403);
    assert.ok(textOf(bytes.subarray(answered.position)).startsWith(refusal.message));
  }
});

test("RFC 6455, section 4.2.1: what an accepted request names can be read again from its text", () => {
  for (const target of ["/", "/a?b=%20", "http://Other.example:81/x", "WS://other.example?q=HTTP/1.0"]) {
    const text =
      `GET ${target} HTTP/1.1\r\nHost: Here.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    const judgement = new ServerHandshake(LIMITS).receive(bytesOf(text))?.judgement;
    assert.ok(judgement?.kind === "opening", target);
    const { authority, resourceName } = readAgain(judgement.request.head.text);
    assert.deepEqual([authority, resourceName], [
      judgement.request.authority,
      judgement.request.resourceName,
    ]);
  }
});
