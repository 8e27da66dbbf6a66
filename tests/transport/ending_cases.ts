/** Ends: FIN from either side, abort(), resets, and pauses while they happen. */
import { amount } from "../harness.ts";
import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import type { Transport } from "../../src/transport/transport.ts";
import type { Recorder } from "./recorder.ts";
import { type Pair, pairTest, pattern, PatternReader, type Subject, turns } from "./support.ts";

const MIB = 1024 * 1024;
/** More than systems are willing to hold in their own buffers. */
// More than all buffers of the system between two sockets.
const FLOOD = amount(32, 16) * MIB;

/** Registers a case twice, once from each end's point of view. */
function eitherEnd(
  subject: Subject,
  name: string,
  fn: (pair: Pair, ours: Transport, theirs: Transport) => Promise<void>,
): void {
  pairTest(subject, `${name} (client)`, async (pair) => await fn(pair, pair.client, pair.server));
  pairTest(subject, `${name} (server)`, async (pair) => await fn(pair, pair.server, pair.client));
}

function forget(recorder: Recorder): void {
  recorder.chunks.length = 0;
}

async function orderlyClose(...recorders: Recorder[]): Promise<void> {
  for (const recorder of recorders) {
    await recorder.until(() => recorder.closed);
    equal(recorder.error, undefined);
    ok(recorder.ended);
    deepEqual(recorder.log.filter((event) => event !== "drain").slice(-2), ["end", "close"]);
  }
}

/** Sends what the peer does not read, and breaks off: a reset, on a socket. */
async function reset(pair: Pair, breaker: Transport, victim: Recorder): Promise<void> {
  victim.write(pattern(0, FLOOD));
  await turns();
  pair.own(breaker).abort();
}

function halfCloseCases(subject: Subject): void {
  eitherEnd(subject, "our FIN first: reading goes on, then end() and close()", async (pair, ours, theirs) => {
    const reader = new PatternReader();
    const us = pair.attach(ours, { data: (chunk) => reader.read(chunk) });
    const them = pair.attach(theirs);
    us.write("question");
    us.closeWrite();
    await them.until(() => them.ended);
    equal(them.text, "question");
    await turns();
    equal(us.closed, false);
    them.write(pattern(0, MIB));
    them.closeWrite();
    await orderlyClose(us, them);
    equal(reader.offset, MIB);
    equal(reader.wrong, undefined);
  });

  eitherEnd(subject, "the peer's FIN first: our direction stays open", async (pair, ours, theirs) => {
    const us = pair.attach(ours);
    const them = pair.attach(theirs);
    them.closeWrite();
    await us.until(() => us.ended);
    await turns();
    equal(us.closed, false);
    us.write("still here");
    await them.received(10);
    us.write(", and goodbye");
    us.closeWrite();
    await orderlyClose(us, them);
    equal(them.text, "still here, and goodbye");
  });

  eitherEnd(subject, "closeWrite() from inside end() closes both", async (pair, ours, theirs) => {
    const us = pair.attach(ours);
    const them: Recorder = pair.own(theirs, { end: () => them.closeWrite() });
    them.attach();
    us.write("bye");
    us.closeWrite();
    await orderlyClose(us, them);
    equal(them.text, "bye");
  });

  pairTest(subject, "both FINs at once", async (pair) => {
    const [client, server] = [pair.attach(pair.client), pair.attach(pair.server)];
    client.write("a");
    server.write("b");
    client.closeWrite();
    server.closeWrite();
    await orderlyClose(client, server);
    equal(client.text + server.text, "ba");
  });

  eitherEnd(subject, "closeWrite() sends everything that is queued first", async (pair, ours, theirs) => {
    const us = pair.attach(ours);
    for (let offset = 0; offset < FLOOD; offset += FLOOD / 4) us.write(pattern(offset, FLOOD / 4));
    us.closeWrite();
    us.closeWrite();
    ok(ours.write(pattern(0, 1000)));
    await turns();
    equal(us.drains, 0);
    const reader = new PatternReader();
    const them: Recorder = pair.attach(theirs, {
      data: (chunk) => {
        reader.read(chunk);
        forget(them);
      },
    });
    await them.until(() => them.ended);
    equal(reader.offset, FLOOD);
    equal(reader.wrong, undefined);
    equal(us.drains, 1);
    them.closeWrite();
    await orderlyClose(us, them);
  });

  pairTest(subject, "closeWrite() before attach(), on both sides", async (pair) => {
    pair.client.write(pattern(0, 100));
    pair.client.closeWrite();
    pair.server.closeWrite();
    await turns();
    const server = pair.attach(pair.server);
    const client = pair.attach(pair.client);
    await orderlyClose(client, server);
    deepEqual(server.bytes, pattern(0, 100));
  });
}

function abortCases(subject: Subject): void {
  eitherEnd(subject, "abort() closes without an error, and not at once", async (pair, ours, theirs) => {
    const us = pair.attach(ours);
    const them: Recorder = pair.own(theirs, { end: () => them.closeWrite() });
    them.attach();
    us.write("x");
    await them.received(1);
    us.abort();
    us.abort();
    equal(us.closed, false);
    await us.until(() => us.closed);
    equal(us.error, undefined);
    equal(us.ended, false);
    await them.until(() => them.closed);
    if (them.error !== undefined) equal(them.error.code, "connection-reset");
  });

  eitherEnd(subject, "abort() from inside data() is the last that is heard", async (pair, ours, theirs) => {
    const us: Recorder = pair.own(ours, { data: () => us.abort() });
    const them: Recorder = pair.own(theirs, { end: () => them.closeWrite() });
    us.attach();
    them.attach();
    for (let offset = 0; offset < MIB; offset += 1000) them.write(pattern(offset, 1000));
    await us.until(() => us.closed);
    deepEqual(us.log, ["data", "close"]);
    equal(us.chunks.length, 1);
    equal(us.error, undefined);
    await them.until(() => them.closed);
  });

  eitherEnd(subject, "abort() from inside end()", async (pair, ours, theirs) => {
    const us: Recorder = pair.own(ours, { end: () => us.abort() });
    us.attach();
    const them: Recorder = pair.own(theirs, { end: () => them.abort() });
    them.attach();
    them.write("x");
    them.closeWrite();
    await us.until(() => us.closed);
    await them.until(() => them.closed);
    deepEqual(us.log, ["data", "end", "close"]);
    equal(us.error, undefined);
  });

  eitherEnd(subject, "abort() from inside drain()", async (pair, ours, theirs) => {
    const us: Recorder = pair.own(ours, { drain: () => us.abort() });
    us.attach();
    const them: Recorder = pair.own(theirs, { end: () => them.closeWrite() });
    equal(us.write(pattern(0, FLOOD)), false);
    them.attach();
    await us.until(() => us.closed);
    await them.until(() => them.closed);
    deepEqual(us.log, ["drain", "close"]);
    equal(us.error, undefined);
  });

  eitherEnd(subject, "abort() with bytes pending drops them", async (pair, ours, theirs) => {
    const us = pair.attach(ours);
    equal(us.write(pattern(0, FLOOD)), false);
    await turns();
    us.abort();
    equal(ours.bufferedAmount, 0);
    await us.until(() => us.closed);
    deepEqual(us.log, ["close"]);
    const them: Recorder = pair.own(theirs, { end: () => them.closeWrite(), data: () => forget(them) });
    them.attach();
    await them.until(() => them.closed);
    ok(them.total < FLOOD);
  });

  pairTest(subject, "abort() before attach()", async (pair) => {
    const client = pair.own(pair.client);
    client.abort();
    await turns();
    client.attach();
    await client.until(() => client.closed);
    deepEqual(client.log, ["close"]);
    equal(client.error, undefined);
  });

  eitherEnd(subject, "abort() after closeWrite()", async (pair, ours, theirs) => {
    const us = pair.attach(ours);
    us.write("x");
    us.closeWrite();
    const them = pair.attach(theirs);
    await them.until(() => them.ended);
    us.abort();
    await us.until(() => us.closed);
    equal(us.error, undefined);
    equal(us.ended, false);
  });

  eitherEnd(subject, "everything after close() is harmless", async (pair, ours, theirs) => {
    const us = pair.attach(ours);
    const them = pair.attach(theirs);
    us.closeWrite();
    them.closeWrite();
    await orderlyClose(us, them);
    for (const recorder of [us, them]) {
      ok(recorder.write("late"));
      ok(recorder.write(pattern(0, MIB)));
      equal(recorder.transport.bufferedAmount, 0);
      recorder.closeWrite();
      recorder.pause();
      recorder.resume();
      recorder.abort();
      ok(recorder.write("later"));
    }
    await turns();
    equal(us.log.at(-1), "close");
  });
}

function pauseCases(subject: Subject): void {
  eitherEnd(subject, "pause() stops data() after one chunk at most", async (pair, ours, theirs) => {
    const us = pair.attach(ours);
    const them = pair.attach(theirs);
    them.write("x");
    await us.received(1);
    us.pause();
    us.pause();
    const before = us.chunks.length;
    them.write(pattern(0, FLOOD / 4));
    await turns();
    ok(us.chunks.length <= before + 1);
    us.resume();
    us.resume();
    await us.received(1 + FLOOD / 4);
    const reader = new PatternReader();
    reader.read(us.bytes.subarray(1));
    equal(reader.wrong, undefined);
  });

  eitherEnd(subject, "pause() and resume() from inside data()", async (pair, ours, theirs) => {
    let waiting = false;
    const us: Recorder = pair.own(ours, {
      data: () => {
        us.pause();
        if (us.chunks.length % 2 === 0) return us.resume();
        waiting = true;
        setTimeout(() => {
          waiting = false;
          us.resume();
        }, 0);
      },
    });
    us.attach();
    const them = pair.attach(theirs);
    them.write(pattern(0, MIB));
    them.closeWrite();
    await us.until(() => us.ended);
    equal(us.total, MIB);
    deepEqual(us.bytes, pattern(0, MIB));
    while (waiting) await turns(1);
  });

  eitherEnd(subject, "a pause before attach() holds", async (pair, ours, theirs) => {
    const us = pair.own(ours);
    us.pause();
    us.attach();
    const them = pair.attach(theirs);
    them.write(pattern(0, 5000));
    await turns();
    ok(us.chunks.length <= 1);
    us.resume();
    await us.received(5000);
    deepEqual(us.bytes, pattern(0, 5000));
  });

  eitherEnd(
    subject,
    "paused while bytes and FIN come: resume() gives all of it",
    async (pair, ours, theirs) => {
      const us = pair.attach(ours);
      const them = pair.attach(theirs);
      us.pause();
      them.write(pattern(0, 20_000));
      them.closeWrite();
      await turns();
      equal(us.closed, false);
      us.resume();
      await us.until(() => us.ended);
      deepEqual(us.bytes, pattern(0, 20_000));
      us.closeWrite();
      await orderlyClose(us, them);
    },
  );

  eitherEnd(
    subject,
    "paused while both directions end: resume() gives all of it",
    async (pair, ours, theirs) => {
      const us = pair.attach(ours);
      const them = pair.attach(theirs);
      us.pause();
      us.closeWrite();
      them.write(pattern(0, 20_000));
      them.closeWrite();
      await turns();
      us.resume();
      await orderlyClose(us, them);
      deepEqual(us.bytes, pattern(0, 20_000));
    },
  );
}

function resetCases(subject: Subject): void {
  eitherEnd(subject, "a reset by the peer is a close() with its error", async (pair, ours, theirs) => {
    const us = pair.attach(ours);
    await reset(pair, theirs, us);
    await us.until(() => us.closed);
    notEqual(us.error, undefined);
    equal(us.error!.code, "connection-reset");
    equal(us.drains, 0);
    equal(ours.bufferedAmount, 0);
  });

  eitherEnd(subject, "writing to a peer that has gone never throws", async (pair, ours, theirs) => {
    const us: Recorder = pair.own(ours, { end: () => {} });
    us.attach();
    pair.own(theirs).abort();
    while (!us.closed) {
      us.write(pattern(0, 1000));
      await turns(1);
    }
    if (us.error !== undefined) equal(us.error.code, "connection-reset");
  });

  eitherEnd(
    subject,
    "a reset while paused: close() comes, at the latest after resume()",
    async (pair, ours, theirs) => {
      const us = pair.attach(ours);
      us.pause();
      await reset(pair, theirs, us);
      await turns();
      us.resume();
      await us.until(() => us.closed);
      equal(us.error?.code, "connection-reset");
    },
  );

  eitherEnd(subject, "a reset before attach() is told after it", async (pair, ours, theirs) => {
    const us = pair.own(ours);
    await reset(pair, theirs, us);
    await turns();
    us.attach();
    await us.until(() => us.closed);
    equal(us.error?.code, "connection-reset");
  });
}

/** Registers the cases. */
export function endingCases(subject: Subject): void {
  halfCloseCases(subject);
  abortCases(subject);
  pauseCases(subject);
  resetCases(subject);
}
