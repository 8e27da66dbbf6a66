/** The states of a transport: each move happens once, none goes back, and nothing is sent once the whole ends. */
import assert from "node:assert/strict";
import { type Incoming, type Life, Lifecycle, type Outgoing } from "../../src/transport/lifecycle.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { test } from "../harness.ts";

const LIVES: readonly Life[] = ["open", "aborting", "aborted", "closed", "over"];
const OUTGOING: readonly Outgoing[] = ["open", "ending", "sending end", "ended", "lost"];
const INCOMING: readonly Incoming[] = ["open", "ended", "told"];

class Subject extends Lifecycle {
  tryAll(moves: readonly string[]): void {
    for (const move of moves) {
      const [side, next] = move.split(": ") as [string, never];
      const before = { life: this.life, outgoing: this.outgoing, incoming: this.incoming };
      const moved = side === "life"
        ? this.enter(next)
        : side === "out"
        ? this.send(next)
        : this.receive(next);
      const after = { life: this.life, outgoing: this.outgoing, incoming: this.incoming };
      if (!moved) assert.deepEqual(after, before, move);
      else {
        assert.notDeepEqual(after, before, move);
        assert.ok(LIVES.indexOf(after.life) >= LIVES.indexOf(before.life));
        assert.ok(OUTGOING.indexOf(after.outgoing) >= OUTGOING.indexOf(before.outgoing));
        assert.ok(INCOMING.indexOf(after.incoming) >= INCOMING.indexOf(before.incoming));
        if (side === "out") assert.equal(before.life, "open");
      }
      assert.equal(this.writable, this.life === "open" && this.outgoing === "open");
    }
  }
}

test("no state of a transport leads back, and none is entered twice", () => {
  const moves = [
    ...LIVES.map((next) => `life: ${next}`),
    ...OUTGOING.map((next) => `out: ${next}`),
    ...INCOMING.map((next) => `in: ${next}`),
  ];
  for (const first of moves) {
    for (const second of moves) {
      for (const third of moves) new Subject().tryAll([first, second, third, ...moves]);
    }
  }
});

test("whatever is called, in any order, a transport tells end() at most once, and close() once, last", async () => {
  const calls: Record<string, (transport: Transport) => void> = {
    write: (transport) => void transport.write(Uint8Array.of(1)),
    closeWrite: (transport) => transport.closeWrite(),
    pause: (transport) => transport.pause(),
    resume: (transport) => transport.resume(),
    abort: (transport) => transport.abort(),
  };
  const names = Object.keys(calls);
  for (const first of names) {
    for (const second of names) {
      for (const third of names) {
        const told: string[][] = [[], []];
        const ends = memoryPair();
        for (const [index, end] of ends.entries()) {
          end.attach({
            data() {},
            drain() {},
            end: () => void told[index]!.push("end"),
            close: () => void told[index]!.push("close"),
          });
        }
        calls[first]!(ends[0]);
        calls[second]!(ends[1]);
        calls[third]!(ends[0]);
        await Promise.resolve();
        for (const end of ends) end.resume(), end.closeWrite();
        for (let turn = 0; turn < 10; turn++) await Promise.resolve();
        for (const each of told) {
          assert.ok(["close", "end,close"].includes(each.join()), `${first}, ${second}, ${third}: ${each}`);
        }
      }
    }
  }
});
