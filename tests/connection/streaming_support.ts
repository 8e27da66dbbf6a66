/** Sources and readers of messages that are not held whole. */
import type { Connection, Message } from "../../mod.ts";

/** A piece of a streamed message. */
export type Chunk = string | Uint8Array;

/** The next `count` messages, or those that come before the end. */
export async function take(socket: Connection<unknown>, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of socket) if (messages.push(message) === count) break;
  return messages;
}

/** The next message in pieces. */
export async function pieces(socket: Connection<unknown>): Promise<Message[]> {
  const all: Message[] = [];
  for await (const piece of socket.stream()) all.push(piece);
  return all;
}

/** A source that gives what the test puts into it, and knows whether more is wanted. */
export class Tap implements AsyncIterable<Chunk> {
  returned = false;
  asked = 0;
  #give: ((result: IteratorResult<Chunk, undefined>) => void) | undefined;
  #asking = (): void => {};

  /** Gives a chunk, when it is asked for; `undefined` ends the source. */
  async give(chunk: Chunk | undefined): Promise<void> {
    await this.waits();
    const give = this.#give!;
    this.#give = undefined;
    give(chunk === undefined ? { done: true, value: undefined } : { done: false, value: chunk });
  }

  /** Resolves when a chunk is waited for. */
  async waits(): Promise<void> {
    while (this.#give === undefined) await new Promise<void>((resolve) => this.#asking = resolve);
  }

  [Symbol.asyncIterator](): AsyncIterator<Chunk> {
    return {
      next: () => {
        this.asked++;
        return new Promise((resolve) => {
          this.#give = resolve;
          this.#asking();
        });
      },
      return: () => {
        this.returned = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }
}
