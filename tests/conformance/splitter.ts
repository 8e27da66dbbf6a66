/** A TCP relay that cuts what passes, in both directions, into pieces of random sizes, each sent in a turn of its own. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";

/** Random numbers from 0 to 1 that come again with the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

// One byte, a frame's header, a packet, more than one read takes: each as likely as the others.
const SIZES = [1, 16, 1500, 131072];

/** A relay in front of a port of this machine. */
export class Splitter implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  /** Where it listens. */
  readonly port: number;

  private constructor(server: Server, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    this.port = (server.address() as { port: number }).port;
  }

  /** Listens. */
  static async to(port: number, seed: number): Promise<Splitter> {
    const random = randomNumbers(seed);
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (near) => {
      const far = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
      for (const [from, to] of [[near, far], [far, near]] as const) {
        sockets.add(from);
        from.setNoDelay(true);
        from.on("error", () => to.destroy());
        from.on("close", () => sockets.delete(from));
        relay(from, to, random);
      }
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Splitter(server, sockets);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = [...this.#sockets].map((socket) => once(socket, "close"));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(gone);
    this.#server.close();
    await once(this.#server, "close");
  }
}

function relay(from: Socket, to: Socket, random: () => number): void {
  let passing: Promise<void> = Promise.resolve();
  from.on("data", (chunk: Uint8Array) => {
    from.pause();
    passing = pass(chunk, to, random).then(() => void from.resume());
  });
  from.on("end", () => void passing.then(() => to.end()));
}

async function pass(chunk: Uint8Array, to: Socket, random: () => number): Promise<void> {
  for (let start = 0; start < chunk.length && !to.destroyed;) {
    const size = 1 + Math.floor(random() * SIZES[Math.floor(random() * SIZES.length)]!);
    const flowing = to.write(chunk.subarray(start, start + size));
    start += size;
    await setImmediate();
    if (!flowing && !to.destroyed && to.writableNeedDrain) {
      await Promise.race([once(to, "drain"), once(to, "close")]);
    }
  }
}
