/** What a connection on Deno holds while it waits: a pending read pins its buffer. Without a socket, on every runtime. */
import assert from "node:assert/strict";
import { DenoTransport } from "../../src/transport/deno_transport.ts";
import { test } from "../harness.ts";

/** A connection that gives what it is told to. */
class FakeConn {
  readonly remoteAddr = {};
  /** The buffer that is being waited with. */
  waitsWith: Uint8Array | undefined;
  #give: ((count: number | null) => void) | undefined;

  read(buffer: Uint8Array): Promise<number | null> {
    this.waitsWith = buffer;
    return new Promise((resolve) => (this.#give = resolve));
  }

  /** This many bytes come, in as many reads as they take. */
  async come(count: number): Promise<void> {
    for (let left = count; left > 0;) {
      const part = Math.min(left, this.waitsWith!.length);
      left -= part;
      this.#give!(part);
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(bytes.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

function connection(): { conn: FakeConn; received: () => number } {
  const conn = new FakeConn();
  let received = 0;
  new DenoTransport(conn, false).attach({
    data: (chunk) => void (received += chunk.length),
    drain() {},
    end() {},
    close() {},
  });
  return { conn, received: () => received };
}

test("Deno: a connection waits with a small buffer, whatever came before", async () => {
  for (const size of [1, 511, 43_000, 43_520 + 1, 60_000, 131_072, 131_073, 1_000_001]) {
    const { conn, received } = connection();
    await conn.come(size);
    assert.equal(received(), size);
    assert.ok(conn.waitsWith!.length <= 512, `${size} bytes: it waits with ${conn.waitsWith!.length}`);
  }
});

test("Deno: a connection that is busy has a larger buffer of its own, and gives it back", async () => {
  const { conn } = connection();
  for (let round = 0; round < 200; round++) await conn.come(70_000);
  assert.equal(conn.waitsWith!.length, 131_072);
  for (let round = 0; round < 2000; round++) await conn.come(30);
  assert.ok(conn.waitsWith!.length <= 512, String(conn.waitsWith!.length));
});

test("Deno: what fills a small buffer by chance pins no large one", async () => {
  for (const size of [512, 1024, 2048]) {
    const { conn } = connection();
    await conn.come(size);
    assert.ok(conn.waitsWith!.length <= 2048, `${size} bytes: it waits with ${conn.waitsWith!.length}`);
  }
});

test("Deno: what is lent to one read is lent to the next, and not to two at once", async () => {
  const filling = 512 + 2048;
  const [first, second] = [connection(), connection()];
  await first.conn.come(filling);
  const one = first.conn.waitsWith!;
  await second.conn.come(filling);
  assert.notEqual(second.conn.waitsWith!.buffer, one.buffer);
  await first.conn.come(100);
  await second.conn.come(100);
  const third = connection();
  await third.conn.come(filling);
  assert.equal(third.conn.waitsWith!.length, 131_072);
});
