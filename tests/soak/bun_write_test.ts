/** A socket of Bun's that takes no more bytes says so by `write()` alone, and then closes as if all had been well. */
import assert from "node:assert/strict";
import { type BunSocket, BunTransport } from "../../src/transport/bun_transport.ts";
import type { TransportError } from "../../src/transport/transport.ts";
import { test } from "../harness.ts";

/** A socket whose system takes this many bytes of each write. */
function socketThatTakes(taken: readonly number[]): BunSocket {
  const answers = [...taken];
  return {
    data: undefined,
    authorized: false,
    write: () => answers.shift()!,
    shutdown() {},
    close() {},
    terminate() {},
    pause() {},
    resume() {},
    setNoDelay() {},
  };
}

/** Bytes are written, our direction ends, then Bun closes the socket; answers what `close()` was given. */
async function closedAfter(taken: readonly number[]): Promise<TransportError | undefined> {
  const socket = socketThatTakes(taken);
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

test("Bun: a piece that the system took in parts is told of when it has all of it, as it was given", () => {
  const written: Uint8Array[] = [];
  const transport = new BunTransport(socketThatTakes([4, 0, 3, 3, 10]), false);
  transport.attach({
    data() {},
    drain() {},
    end() {},
    close() {},
    written: (bytes) => void written.push(bytes),
  });
  const piece = new Uint8Array(10);
  transport.write(piece);
  assert.equal(transport.bufferedAmount, 6);
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(written, []);
    transport.onDrain();
  }
  assert.equal(written.length, 1);
  assert.equal(written[0], piece);
  transport.write(piece);
  assert.equal(written.length, 1, "nothing of it was kept");
});
