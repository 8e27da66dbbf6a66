/** Bytes: that they arrive, all of them, in order, to whom they belong, and no faster than they can be taken. */
import { amount } from "../harness.ts";
import { deepEqual, equal, ok } from "node:assert/strict";
import type { Transport } from "../../src/transport/transport.ts";
import { Recorder } from "./recorder.ts";
import { type Pair, pairTest, pattern, PatternReader, type Subject, turns } from "./support.ts";

const MIB = 1024 * 1024;
/** More than systems are willing to hold in their own buffers. */
// More than all buffers of the system between two sockets.
const FLOOD = amount(32, 16) * MIB;

/** Sends the pattern in pieces of changing size, waiting whenever it is asked to. */
async function send(sender: Recorder, total: number): Promise<void> {
  let drains = 0;
  for (let offset = 0, size = 1; offset < total && !sender.closed; size = size * 7 % 100_003) {
    const length = Math.min(size, total - offset);
    if (!sender.write(pattern(offset, length))) {
      drains++;
      await sender.until(() => sender.drains === drains || sender.closed);
    }
    offset += length;
  }
}

async function bothWays(pair: Pair, total: number): Promise<void> {
  const readers = [pair.client, pair.server].map((transport) => {
    const reader = new PatternReader();
    const recorder: Recorder = pair.attach(transport, {
      data: (chunk) => {
        reader.read(chunk);
        recorder.chunks.length = 0;
      },
    });
    return { reader, recorder };
  });
  await Promise.all(readers.map(({ recorder }) => send(recorder, total)));
  for (const { reader, recorder } of readers) {
    await recorder.received(total);
    equal(reader.offset, total);
    equal(reader.wrong, undefined);
  }
}

/** Registers the cases. */
export function streamCases(subject: Subject): void {
  pairTest(subject, "echo", async (pair) => {
    const server: Recorder = pair.attach(pair.server, {
      data: (chunk) => void server.write(new Uint8Array(chunk)),
    });
    const client = pair.attach(pair.client);
    ok(client.write("hello"));
    await client.received(5);
    equal(client.text, "hello");
    equal(pair.client.encrypted, subject.encrypted);
    equal(pair.server.encrypted, subject.encrypted);
  });

  pairTest(subject, "8 MiB both ways at once arrive in order", async (pair) => {
    await bothWays(pair, amount(8, 4) * MIB);
  });

  pairTest(subject, "a high-water mark of 16 bytes slows down and loses nothing", async (pair) => {
    await bothWays(pair, 64 * 1024);
  }, { highWaterMark: 16 });

  pairTest(subject, "ten thousand small writes arrive in order without waiting for drain()", async (pair) => {
    const server = pair.attach(pair.server);
    const client = pair.attach(pair.client);
    const total = 10_000 * 7;
    for (let offset = 0; offset < total; offset += 7) client.write(pattern(offset, 7));
    await server.received(total);
    const reader = new PatternReader();
    reader.read(server.bytes);
    equal(reader.wrong, undefined);
    equal(reader.offset, total);
  });

  pairTest(
    subject,
    "a write that the system takes in part loses nothing, and one drain() follows",
    async (pair) => {
      const client = pair.attach(pair.client);
      equal(client.write(pattern(0, FLOOD)), false);
      ok(pair.client.bufferedAmount > 64 * 1024);
      equal(client.write(pattern(FLOOD, 1000)), false);
      await turns();
      equal(client.drains, pair.client.bufferedAmount > 0 ? 0 : 1);
      const reader = new PatternReader();
      const server: Recorder = pair.attach(pair.server, {
        data: (chunk) => {
          reader.read(chunk);
          server.chunks.length = 0;
        },
      });
      await server.received(FLOOD + 1000);
      await client.until(() => client.drains > 0);
      await turns();
      equal(client.drains, 1);
      equal(pair.client.bufferedAmount, 0);
      equal(reader.offset, FLOOD + 1000);
      equal(reader.wrong, undefined);
      ok(client.write("more"));
    },
    { highWaterMark: 64 * 1024 },
  );

  pairTest(subject, "write() from inside drain() begins anew", async (pair) => {
    let sent = 0;
    // A system that empties its buffers meanwhile may take a whole piece at once, and then no drain() is due.
    const sendOn = (): void => {
      while (sent < FLOOD && client.write(pattern(sent, FLOOD / 4))) sent += FLOOD / 4;
      sent += FLOOD / 4;
    };
    const client: Recorder = pair.attach(pair.client, { drain: () => void (sent < FLOOD && sendOn()) });
    sendOn();
    const reader = new PatternReader();
    const server: Recorder = pair.attach(pair.server, {
      data: (chunk) => {
        reader.read(chunk);
        server.chunks.length = 0;
      },
    });
    await server.received(FLOOD);
    equal(reader.wrong, undefined);
  });

  pairTest(subject, "a drain() that is due before attach() comes after it", async (pair) => {
    const client = pair.own(pair.client);
    equal(client.write(pattern(0, FLOOD)), false);
    const server: Recorder = pair.attach(pair.server, { data: () => void (server.chunks.length = 0) });
    await server.received(FLOOD);
    await turns();
    equal(client.drains, 0);
    client.attach();
    await client.until(() => client.drains > 0);
    equal(client.drains, 1);
  });

  pairTest(subject, "no drain() comes unasked", async (pair) => {
    const server: Recorder = pair.attach(pair.server, {
      data: (chunk) => void server.write(new Uint8Array(chunk)),
    });
    const client = pair.attach(pair.client);
    for (let count = 1; count <= 20; count++) {
      ok(client.write(pattern(0, 100)));
      await client.received(count * 100);
    }
    await turns();
    equal(client.drains, 0);
    equal(server.drains, 0);
  });

  pairTest(subject, "nothing is delivered before attach() and nothing is lost", async (pair) => {
    const client = pair.attach(pair.client);
    client.write("early ");
    await turns();
    client.write("and late");
    client.closeWrite();
    await turns();
    const server = pair.attach(pair.server);
    equal(server.total, 0);
    await server.until(() => server.ended);
    equal(server.text, "early and late");
    deepEqual(server.log, ["data", "end"]);
  });

  pairTest(subject, "what the peer says first waits for attach()", async (pair) => {
    const server = pair.attach(pair.server);
    server.write("welcome");
    await turns();
    const client = pair.attach(pair.client);
    equal(client.total, 0);
    await client.received(7);
    equal(client.text, "welcome");
  });

  pairTest(subject, "the handler can be replaced between two chunks, from inside data()", async (pair) => {
    const client = pair.attach(pair.client);
    const second = pair.own(pair.server, { data: () => void second.write("2") });
    const first = new Recorder(pair.server, {
      data: () => {
        pair.server.attach(second);
        second.write("1");
      },
    }).attach();
    client.write("to the first");
    await client.received(1);
    client.write("to the second");
    await client.received(2);
    equal(first.text, "to the first");
    equal(second.text, "to the second");
    equal(client.text, "12");
    first.verify();
  });

  pairTest(subject, "the receiver may overwrite a chunk; what was sent stays as it was", async (pair) => {
    const overwritten = (transport: Transport): Recorder => {
      return pair.attach(transport, { data: (chunk) => void chunk.fill(0xaa) });
    };
    const [client, server] = [overwritten(pair.client), overwritten(pair.server)];
    const bytes = pattern(0, 3000);
    client.write(bytes);
    server.write(bytes);
    await Promise.all([client.received(3000), server.received(3000)]);
    client.write(bytes);
    await server.received(6000);
    deepEqual(bytes, pattern(0, 3000));
    deepEqual(client.bytes, bytes);
    deepEqual(server.bytes.subarray(3000), bytes);
  });

  pairTest(subject, "a write of no bytes sends nothing", async (pair) => {
    const server = pair.attach(pair.server);
    const client = pair.attach(pair.client);
    ok(client.write(new Uint8Array(0)));
    client.write("x");
    ok(client.write(new Uint8Array(0)));
    client.closeWrite();
    await server.until(() => server.ended);
    equal(server.text, "x");
  });
}
