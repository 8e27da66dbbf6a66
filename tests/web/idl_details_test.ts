/** What Web IDL makes of an interface that code can see, though few look. */
import assert from "node:assert/strict";
import { CloseEvent, WebSocket, WebSocketStream } from "../../mod.ts";
import { runtime, skip, test } from "../harness.ts";
import { pair } from "../../src/testing/mod.ts";

test("Web IDL: the length of a method counts what must be given", () => {
  assert.equal(WebSocket.prototype.close.length, 0);
  assert.equal(WebSocket.prototype.send.length, 1);
});

const enumerable = "Web IDL: the attributes of CloseEvent are enumerable";
if (runtime === "deno") skip(enumerable, "Deno's own class departs from the standard here");
else {test(enumerable, () => {
    const keys = [];
    for (const key in new CloseEvent("close")) keys.push(key);
    for (const name of ["wasClean", "code", "reason"]) assert.ok(keys.includes(name), name);
    assert.equal(String(new CloseEvent("close")), "[object CloseEvent]");
  });}

test("Web IDL: a setter on what is no WebSocket throws, whatever the value", () => {
  const { set } = Object.getOwnPropertyDescriptor(WebSocket.prototype, "binaryType")!;
  for (const value of ["blob", "arraybuffer", "nonsense"]) {
    assert.throws(() => set!.call({}, value), TypeError);
  }
});

test("Web IDL: options that are no dictionary are a TypeError", () => {
  for (const wrong of [true, 5, "x"]) {
    assert.throws(() => new WebSocketStream("ws://127.0.0.1:1/", wrong as never), TypeError);
  }
});

test("Web IDL: a resizable ArrayBuffer is refused, and so is a view of one", async () => {
  await using ends = pair();
  const socket = WebSocket.from(ends.client);
  const Resizable = ArrayBuffer as unknown as {
    new (size: number, options: { maxByteLength: number }): ArrayBuffer;
  };
  const buffer = new Resizable(4, { maxByteLength: 8 });
  assert.throws(() => socket.send(buffer), TypeError);
  assert.throws(() => socket.send(new Uint8Array(buffer)), TypeError);
  socket.send(new Uint8Array(4));
});
