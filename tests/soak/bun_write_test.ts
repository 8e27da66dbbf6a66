/** A socket of Bun's that takes no more bytes says so by `write()` alone, and then closes as if all had been well. */
import assert from "node:assert/strict";
import { type BunSocket, BunTransport } from "../../src/transport/bun_transport.ts";
import type { TransportError } from "../../src/transport/transport.ts";
import { test } from "../harness.ts";

/** Bytes are written, our direction ends, then Bun closes the socket; answers what `close()` was given. */
async function closedAfter(taken: readonly number[]): Promise<TransportError | undefined> {
  const answers = [...taken];
  const socket: BunSocket = {
    data: undefined,
    authorized: false,
    write: () => answers.shift()!,
    shutdown() {},
    terminate() {},
    pause() {},
    resume() {},
    setNoDelay() {},
  };
  const transport = new BunTransport(socket, false);
  const closed = new Promise<TransportError | undefined>((resolve) =>
    transport.attach({ data() {}, drain() {}, end() {}, close: resolve })
  );
  transport.onOpen();
  transport.write(new Uint8Array(10));
  transport.closeWrite();
  transport.onDrain();
  transport.onClose(undefined);
  return await closed;
}

test("Bun: bytes that the system does not take any more are lost, and close() says so", async () => {
  assert.equal((await closedAfter([-1]))?.code, "connection-reset");
  assert.equal((await closedAfter([4, -1]))?.code, "connection-reset");
  assert.equal(await closedAfter([4, 6]), undefined);
  assert.equal(await closedAfter([10]), undefined);
});
