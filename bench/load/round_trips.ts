/** Round-trip statistics. */
import type { Latency } from "./job.ts";

/** Resolution limit in microseconds; longer times count as this. */
const MOST = 2 ** 20;

/** A histogram of round trips by microsecond. */
export class RoundTrips {
  readonly #counts: Uint32Array = new Uint32Array(MOST + 1);
  #total = 0;

  /** Adds a round trip with these times of `performance.now()`. */
  add(from: number, to: number): void {
    this.#counts[Math.min(MOST, Math.ceil((to - from) * 1000))]!++;
    this.#total++;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }

  latency(): Latency | undefined {
    return this.#total === 0 ? undefined : { p50: this.#quantile(0.5), p99: this.#quantile(0.99) };
  }

  #quantile(share: number): number {
    const rank = share * this.#total;
    let seen = 0;
    return this.#counts.findIndex((count) => (seen += count) >= rank);
  }
}
