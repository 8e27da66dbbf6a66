/** What the `limit` hook learns about slow subscribers, and what it may do. */
import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { inRoom, message, numbers, publish } from "./support.ts";

test(
  "that a subscriber is closed is reported, although its losses were",
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    socket.subscribe("droppable", { whenSlow: "drop-oldest", maxWaiting: 1 });
    socket.subscribe("kept");
    peer.pause();
    await publish(room, "droppable", 1, 6);
    await publish(room, "kept", 1, 10);
    assert.deepEqual(room.events.map(({ topic, closed, dropped }) => [topic, closed, dropped]), [
      ["droppable", false, 1],
      ["kept", true, 3 + 7 + 1],
    ]);
  }),
);

test(
  "the limit hook may close, publish and throw: what it throws goes to the error hook",
  inRoom(async (room) => {
    const { socket, peer } = room.join();
    const other = room.join();
    socket.subscribe("a", { whenSlow: "drop-oldest", maxWaiting: 1 });
    other.socket.subscribe("a");
    peer.pause();
    room.events.push = () => {
      room.topics.publish("a", message("from the hook"));
      socket.abort();
      throw new Error("from the hook");
    };
    await publish(room, "a", 1, 5);
    assert.deepEqual(other.peer.names, [...numbers(1, 5), "from the hook"]);
    assert.deepEqual(room.errors.map((error) => (error as Error).message), ["from the hook"]);
    assert.equal(room.topics.subscriberCount("a"), 1);
  }),
);
