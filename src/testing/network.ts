/**
 * What lies between two ends: a relay that carries the bytes of each to the other, and fails as a test says.
 *
 * @module
 */
import type { Transport } from "../transport/transport.ts";
import { type FlowOptions, Lane } from "./flow.ts";

/** What two directions have in common: how they fail together. */
export interface Faults {
  /** Resets both ends, as a broken connection is told: what is on its way is lost. */
  cut(): void;
  /**
   * Loses everything from now on, without a word to either end, as when a cable is pulled: no bytes, no FIN and no reset
   * gets through. Both ends may still write.
   */
  vanish(): void;
}

/** Two transports, each given what comes from the other. */
export class Relay implements Faults {
  readonly #left: Transport;
  readonly #right: Transport;
  /** From left to right. */
  readonly rightward: Lane;
  /** From right to left. */
  readonly leftward: Lane;

  /** Takes both transports over. Throws a `RangeError` for an option out of range. */
  constructor(left: Transport, right: Transport, rightward: FlowOptions, leftward: FlowOptions) {
    this.#left = left;
    this.#right = right;
    this.rightward = new Lane(left, right, rightward);
    this.leftward = new Lane(right, left, leftward);
    join(left, this.rightward, this.leftward);
    join(right, this.leftward, this.rightward);
  }

  cut(): void {
    this.vanish();
    this.#left.abort();
    this.#right.abort();
  }

  vanish(): void {
    this.rightward.lose();
    this.leftward.lose();
  }
}

function join(transport: Transport, from: Lane, to: Lane): void {
  transport.attach({
    data: (chunk) => from.take(chunk),
    drain: () => to.arrived(),
    end: () => from.end(),
    close: (error) => {
      to.lose();
      if (error !== undefined) from.reset();
    },
  });
}
