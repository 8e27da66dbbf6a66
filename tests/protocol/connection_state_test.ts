/** The states of a connection: which may follow which, and that nothing brings one back. */
import assert from "node:assert/strict";
import { type ConnectionState, mayFollow } from "../../src/protocol/connection_state.ts";
import { Protocol } from "../../src/protocol/protocol.ts";
import { test } from "../harness.ts";

const STATES: readonly ConnectionState[] = ["open", "awaiting stream", "close sent", "finished", "closed"];

test("no state leads back to one before it, and only a finished connection is closed", () => {
  for (const [index, state] of STATES.entries()) {
    for (const [other, next] of STATES.entries()) {
      if (other <= index) assert.equal(mayFollow(state, next), false, `${state} to ${next}`);
      if (next === "closed") assert.equal(mayFollow(state, next), state === "finished");
      if (next === "finished") assert.equal(mayFollow(state, next), index < 3);
    }
  }
});

test("whatever is done to a connection, in any order, its state goes one way", () => {
  const moves: Record<string, (protocol: Protocol) => void> = {
    awaitStream: (protocol) => protocol.awaitStream(),
    sendClose: (protocol) => protocol.sendClose(1000),
    receiveClose: (protocol) => protocol.receive(Uint8Array.of(0x88, 0x80, 1, 2, 3, 4)),
    fail: (protocol) => protocol.fail(1011, new Error("no")),
    receiveEnd: (protocol) => protocol.receiveEnd(),
    abandon: (protocol) => protocol.abandon("local", undefined),
    transportClosed: (protocol) => protocol.transportClosed(),
  };
  const names = Object.keys(moves);
  for (const first of names) {
    for (const second of names) {
      for (const third of names) {
        let finished = 0;
        const protocol = new Protocol("server", {
          write: () => true,
          message() {},
          ping() {},
          pong() {},
          finish: () => void finished++,
        }, { maxMessageSize: 100, maxFragments: 100 });
        let index = 0;
        for (const name of [first, second, third]) {
          moves[name]!(protocol);
          const now = STATES.indexOf(protocol.state);
          assert.ok(now >= index, `${first}, ${second}, ${third}: ${protocol.state}`);
          index = now;
          assert.equal(protocol.open, now < 2);
          assert.equal(protocol.finished, now > 2);
          assert.equal(finished, Number(now > 2));
        }
      }
    }
  }
});
