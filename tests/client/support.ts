/** What the tests of the client share. */
import assert from "node:assert/strict";
import { connect, type ConnectOptions, HandshakeError, type Message, serve, type Server } from "../../mod.ts";
import { tls } from "../fixtures.ts";

/** How an opening handshake that must fail failed. */
export async function failure(url: string | URL, options?: ConnectOptions): Promise<HandshakeError> {
  try {
    (await connect(url, options)).abort();
  } catch (error) {
    assert.ok(error instanceof HandshakeError, String(error));
    assert.equal(error.code, "handshake-failed");
    return error;
  }
  throw new assert.AssertionError({ message: "the opening handshake was done" });
}

/** A server that sends every message back, and takes every host for its own. */
export async function echoServer(encrypted: boolean): Promise<Server> {
  return await serve({ port: 0, hosts: "any", ...(encrypted ? { tls } : {}) }, {
    message: (socket, message) => void socket.send(message),
  });
}

/** Sends a text, waits for it to come back and closes. */
export async function greet(
  url: string | URL,
  options?: ConnectOptions,
  text = "hello",
): Promise<void> {
  const socket = await connect(url, options);
  socket.send(text);
  assert.equal(await next(socket), text);
  const { code, wasClean } = await socket.close();
  assert.deepEqual([code, wasClean], [1000, true]);
}

/** The next message; `undefined` when there is none any more. */
export async function next(socket: AsyncIterable<Message>): Promise<Message | undefined> {
  for await (const message of socket) return message;
  return undefined;
}
