/** The seam for brokers: a fake one joins the topics of several servers. */
import assert from "node:assert/strict";
import type { RelayedMessage, TopicRelay } from "../../src/topics/relay.ts";
import { test } from "../harness.ts";
import { type Peer, Room, settled } from "./support.ts";

/** A broker as brokers are: it hands messages on later, in order, to those who subscribed, but not to their sender. */
class Broker {
  readonly log: string[] = [];
  failure: Error | undefined;
  readonly #links: { topics: Set<string>; deliver: (message: RelayedMessage) => number }[] = [];
  #last: Promise<void> = Promise.resolve();

  readonly relay: TopicRelay = (deliver) => {
    const link = { topics: new Set<string>(), deliver };
    const name = `server ${this.#links.push(link)}`;
    return {
      subscribed: (topic) => {
        this.log.push(`${name} + ${topic}`);
        link.topics.add(topic);
      },
      unsubscribed: (topic) => {
        this.log.push(`${name} - ${topic}`);
        link.topics.delete(topic);
      },
      publish: (message) => {
        this.log.push(`${name} ! ${message.topic}`);
        if (this.failure !== undefined) return Promise.reject(this.failure);
        const data = typeof message.data === "string" ? message.data : message.data.slice();
        return (this.#last = this.#last.then(() => {
          for (const other of this.#links) {
            if (other !== link && other.topics.has(message.topic)) other.deliver({ ...message, data });
          }
        }));
      },
    };
  };
}

async function withServers(use: (broker: Broker, left: Room, right: Room) => Promise<void>): Promise<void> {
  const broker = new Broker();
  const [left, right] = [new Room({ relay: broker.relay }), new Room({ relay: broker.relay })];
  try {
    await use(broker, left, right);
  } finally {
    await left.leave();
    await right.leave();
  }
}

function subscriber(room: Room, topic: string): { peer: Peer; socket: ReturnType<Room["join"]>["socket"] } {
  const each = room.join();
  each.socket.subscribe(topic);
  return each;
}

test("a relay is told of the first and the last subscriber of a topic, and of nothing between", async () => {
  await withServers(async (broker, left) => {
    const first = subscriber(left, "a");
    const second = subscriber(left, "a");
    second.socket.subscribe("b");
    first.socket.unsubscribe("a");
    await settled();
    second.socket.abort();
    await second.socket.closed;
    assert.deepEqual(broker.log, ["server 1 + a", "server 1 + b", "server 1 - a", "server 1 - b"]);
  });
});

test("a message reaches the subscribers of every server once, and is relayed once", async () => {
  await withServers(async (broker, left, right) => {
    const peers = [subscriber(left, "a").peer, subscriber(left, "a").peer, subscriber(right, "a").peer];
    const publication = left.topics.publish("a", "x");
    assert.equal(publication.receivers, 2);
    await publication.relayed;
    await right.topics.publish("a", Uint8Array.of(7)).relayed;
    await settled();
    for (const peer of peers) assert.deepEqual(peer.messages, ["x", Uint8Array.of(7)]);
    assert.deepEqual(broker.log.filter((line) => line.includes("!")), ["server 1 ! a", "server 2 ! a"]);
  });
});

test("a message is relayed although nobody here is subscribed, and delivered only where somebody is", async () => {
  await withServers(async (broker, left, right) => {
    const { peer, socket } = subscriber(right, "a");
    assert.equal(left.topics.publish("a", "x").receivers, 0);
    left.topics.publish("b", "y");
    await settled();
    assert.deepEqual(peer.messages, ["x"]);
    socket.unsubscribe("a");
    await left.topics.publish("a", "z").relayed;
    await settled();
    assert.deepEqual(peer.messages, ["x"]);
    assert.equal(broker.log.length, 5);
  });
});

test("`except` leaves out one subscriber here, and nobody elsewhere", async () => {
  await withServers(async (_, left, right) => {
    const [sender, near, far] = [subscriber(left, "a"), subscriber(left, "a"), subscriber(right, "a")];
    left.topics.publish("a", "x", { except: sender.socket });
    await settled();
    assert.deepEqual([sender, near, far].map(({ peer }) => peer.messages.length), [0, 1, 1]);
  });
});

test("the messages of each publisher come in its order everywhere", async () => {
  await withServers(async (_, left, right) => {
    const peers = [subscriber(left, "a").peer, subscriber(right, "a").peer];
    for (let i = 0; i < 50; i++) {
      left.topics.publish("a", `left ${i}`);
      right.topics.publish("a", `right ${i}`);
      if (i % 7 === 0) await settled();
    }
    await settled();
    for (const peer of peers) {
      for (const side of ["left", "right"]) {
        const own = peer.messages.filter((each) => String(each).startsWith(side));
        assert.deepEqual(own, Array.from({ length: 50 }, (_, i) => `${side} ${i}`));
      }
    }
  });
});

test("keys travel along, so that a slow subscriber elsewhere keeps the latest", async () => {
  await withServers(async (_, left, right) => {
    const { peer, socket } = right.join();
    socket.subscribe("a", { whenSlow: "latest" });
    peer.pause();
    for (let i = 0; i < 3; i++) socket.send("x".repeat(48));
    for (const key of ["k", "l", "k"]) left.topics.publish("a", key, { key });
    await settled();
    await peer.resume();
    assert.deepEqual(peer.messages.slice(3), ["l", "k"]);
    assert.equal(socket.dropped, 1);
  });
});

test("what the relay does not take, the publisher learns from `relayed`; subscribers here have it all the same", async () => {
  await withServers(async (broker, left) => {
    const { peer } = subscriber(left, "a");
    broker.failure = new Error("the link is down");
    // Nobody looks at this one, and the process lives.
    left.topics.publish("a", "1");
    await assert.rejects(left.topics.publish("a", "2").relayed, broker.failure);
    await settled();
    assert.deepEqual(peer.messages, ["1", "2"]);
  });
});

test("what a relay throws goes to the error hook, or into `relayed`, and never to those who subscribe", async () => {
  const thrown = new Error("from the relay");
  const fail = (): never => {
    throw thrown;
  };
  const room = new Room({ relay: () => ({ subscribed: fail, unsubscribed: fail, publish: fail }) });
  const { socket } = subscriber(room, "a");
  await assert.rejects(room.topics.publish("a", "x").relayed, thrown);
  socket.unsubscribe("a");
  assert.deepEqual(room.errors, [thrown, thrown]);
  assert.equal(room.topics.size, 0);
  await room.leave();
});

test("what is published in error is not relayed, and what a relay delivers in error throws there", async () => {
  let deliver!: (message: RelayedMessage) => number;
  const published: RelayedMessage[] = [];
  const room = new Room({
    relay(toServer) {
      deliver = toServer;
      return { subscribed() {}, unsubscribed() {}, publish: (message) => void published.push(message) };
    },
  });
  const { peer } = subscriber(room, "a");
  assert.throws(() => room.topics.publish("a\n", "x"), RangeError);
  assert.throws(() => room.topics.publish("b", "x".repeat(1001)), RangeError);
  assert.deepEqual(published, []);
  assert.throws(() => deliver({ topic: "", data: "x", key: undefined }), RangeError);
  assert.throws(() => deliver({ topic: "b", data: "x".repeat(1001), key: undefined }), RangeError);
  assert.equal(deliver({ topic: "a", data: "x", key: undefined }), 1);
  assert.equal(deliver({ topic: "b", data: "x", key: undefined }), 0);
  await settled();
  assert.deepEqual(peer.messages, ["x"]);
  assert.deepEqual(published, []);
  await room.leave();
});
