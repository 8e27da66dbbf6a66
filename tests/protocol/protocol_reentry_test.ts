/** A sink that sends, closes, fails or abandons from within any of its calls. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { ConnectionClosedError } from "../../src/protocol/errors.ts";
import type { Protocol } from "../../src/protocol/protocol.ts";
import { bytesOf } from "./frames.ts";
import { bothRoles, feed, type Hooks, start } from "./support.ts";

const ACTIONS: { readonly [name: string]: (protocol: Protocol) => void } = {
  "sendText()": (protocol) => void protocol.sendText("mine"),
  "sendBinary()": (protocol) => void protocol.sendBinary(Uint8Array.of(1)),
  "sendPing()": (protocol) => void protocol.sendPing(),
  "sendPong()": (protocol) => void protocol.sendPong(),
  "sendClose()": (protocol) => protocol.sendClose(1000, "enough"),
  "fail()": (protocol) => protocol.fail(1011, new Error("failed")),
  "abandon()": (protocol) => protocol.abandon("local", new Error("given up")),
  "receiveEnd()": (protocol) => protocol.receiveEnd(),
  "drained()": (protocol) => protocol.drained(),
};

for (const where of ["write", "message", "ping", "pong", "finish"] as const) {
  for (const [name, action] of Object.entries(ACTIONS)) {
    bothRoles("7", `${name} inside ${where}() breaks no rule`, (role) => {
      for (let turn = 0; turn < 6; turn++) {
        let calls = 0;
        let acting = false;
        const act = (): void => {
          // An action's own writes do not count: it would never end.
          if (acting || calls++ !== turn) return;
          acting = true;
          const { open } = protocol;
          try {
            action(protocol);
            ok(open || !name.startsWith("send") || name === "sendClose()", `${name} when no longer open`);
          } catch (error) {
            ok(error instanceof ConnectionClosedError && !open, `${name} threw ${error}`);
          }
          acting = false;
        };
        const hooks: Hooks = { [where]: act };
        const [protocol, recorder, peer] = start(role, hooks);
        const stream = bytesOf(
          peer.ping("1"),
          peer.text("a"),
          peer.pong("2"),
          peer.text("b", { fin: false }),
          peer.ping("3"),
          peer.continuation("c"),
          peer.pong("4"),
          turn === 5 ? peer.frame({ opcode: 3 }) : peer.close(1001),
          peer.text("late"),
        );
        feed(protocol, turn % 2 === 0 ? [stream] : Array.from(stream, (byte) => Uint8Array.of(byte)));
        equal(protocol.finished, true);
        equal(recorder.log.filter((line) => line.startsWith("finish")).length, 1);
        equal(recorder.log.filter((line) => line.startsWith("> close")).length <= 1, true);
        equal(recorder.log.includes('text "late"'), false);
      }
    });
  }
}

bothRoles(
  "7.1.7",
  "a stream given up while a pong is written: the ping is not told after the end",
  (role) => {
    const [protocol, { log }, peer] = start(role, {
      write: () => protocol.abandon("remote", new Error("reset")),
    });
    protocol.receive(bytesOf(peer.ping("1"), peer.text("late")));
    deepEqual(log, ["> pong 31", 'finish 1006 "" unclean remote Error']);
  },
);

bothRoles("7.1.4", "a stream given up while the answer to a Close frame is written ends once", (role) => {
  const [protocol, { log }, peer] = start(role, {
    write: () => protocol.abandon("local", new Error("reset")),
  });
  protocol.receive(peer.close(1000));
  deepEqual(log, ['> close 1000 ""', 'finish 1006 "" unclean remote Error']);
});

bothRoles("5.5.1", "sendClose() while another Close frame is written sends no second", (role) => {
  const [protocol, { log }] = start(role, { write: () => protocol.sendClose(1001) });
  protocol.sendClose(1000);
  deepEqual(log, ['> close 1000 ""']);
});

bothRoles("7.1.7", "a stream given up while a message is written: nothing more is sent or told", (role) => {
  const [protocol, { log }, peer] = start(role, {
    write: () => protocol.abandon("local", new Error("full")),
  });
  equal(protocol.sendText("a"), true);
  protocol.receive(peer.text("late"));
  deepEqual(log, ['> text "a"', 'finish 1006 "" unclean local Error']);
});

bothRoles("5.5.3", "drained() inside write() does not answer the ping twice", (role) => {
  const [protocol, recorder, peer] = start(role, { write: () => protocol.drained() });
  recorder.flowing = false;
  protocol.receive(bytesOf(peer.ping("1"), peer.ping("2")));
  deepEqual(recorder.log, ["> pong 31", "ping 31", "ping 32"]);
  protocol.drained();
  deepEqual(recorder.log.slice(3), ["> pong 32"]);
});

bothRoles("6.2", "an echo from within message() is in order", (role) => {
  const [protocol, { log }, peer] = start(role, {
    message: (data) => void protocol.sendText(data as string),
  });
  protocol.receive(bytesOf(peer.text("a"), peer.ping("p"), peer.text("b")));
  deepEqual(log, ['text "a"', '> text "a"', "> pong 70", "ping 70", 'text "b"', '> text "b"']);
});

bothRoles("5.5.1", "the connection is no longer open when the answer to a Close frame is written", (role) => {
  const stages: boolean[] = [];
  const [protocol, , peer] = start(role, {
    write: () => stages.push(protocol.open),
    finish: () => stages.push(protocol.open),
  });
  protocol.receive(peer.close(1000));
  deepEqual(stages, [false, false]);
});

bothRoles("7.1.7", "bytes that come while the last Close frame is written are not read", (role) => {
  const [answering, { log: answered }, peer] = start(role, {
    write: () => answering.receive(peer.text("late")),
  });
  answering.receive(peer.close(1000));
  deepEqual(answered, ['> close 1000 ""', 'finish 1000 "" clean remote']);
  const [failing, { log: failed }] = start(role, {
    write: () => failing.receive(peer.text("late")),
  });
  failing.fail(1011, new Error("no"));
  deepEqual(failed, ['> close 1011 ""', 'finish 1006 "" unclean local Error']);
});
