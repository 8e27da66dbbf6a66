/**
 * A relay between two transports, with faults controlled by a test.
 *
 * @module
 */
import type { Transport } from "../transport/transport.ts";
import { type FlowOptions, Lane } from "./flow.ts";

/** Faults of both directions together. */
export interface Faults {
  /** Resets both sides, as a broken connection does: bytes in flight are lost. */
  cut(): void;
  /**
   * Loses everything from now on without notice to either side, as when a cable is pulled: no bytes, FIN or reset get
   * through. Both sides may still write.
   */
  vanish(): void;
}

/** Two transports, each of which receives what comes from the other. */
export class Relay implements Faults {
  readonly #left: Transport;
  readonly #right: Transport;
  /** From left to right. */
  readonly rightward: Lane;
  /** From right to left. */
  readonly leftward: Lane;

  /** Takes over both transports. Throws a `RangeError` for an option out of range. */
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
