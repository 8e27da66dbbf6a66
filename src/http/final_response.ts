/**
 * The head of the final response, after any interim (1xx) responses.
 *
 * @module
 */
import { type HeadDefect, type HeadLimits, type ResponseHead, ResponseHeadReader } from "./head.ts";

/** The result of reading a chunk. */
export interface FinalResponse {
  /** The head, once it is complete. */
  readonly head: ResponseHead | undefined;
  /** What is wrong with the response. */
  readonly defect: HeadDefect | undefined;
  /** Where in the chunk the head ended; before that, the chunk's length. */
  readonly end: number;
}

/** Skips interim responses. All of them share the limits, since a server could send them forever. */
export class FinalResponseReader {
  #limits: HeadLimits;
  #reader: ResponseHeadReader;
  #interimSeen = false;

  /** Reads within these limits. */
  constructor(limits: HeadLimits) {
    this.#limits = limits;
    this.#reader = new ResponseHeadReader(limits);
  }

  /** Whether any byte has arrived. */
  get begun(): boolean {
    return this.#interimSeen || this.#reader.size > 0;
  }

  /** Reads a chunk. Must not be called again after a head or a defect. */
  receive(chunk: Uint8Array): FinalResponse {
    let position = 0;
    for (;;) {
      const end = this.#reader.receive(chunk.subarray(position));
      const { defect, head } = this.#reader;
      if (defect !== undefined || end === -1 || head === undefined) {
        return { head: undefined, defect, end: chunk.length };
      }
      position += end;
      // RFC 9110, section 15.2: "A client MUST be able to parse one or more 1xx responses received prior to a final
      // response". 101 is final for us.
      if (head.status >= 200 || head.status === 101) return { head, defect: undefined, end: position };
      this.#limits = {
        maxHeadSize: this.#limits.maxHeadSize - this.#reader.size,
        maxHeaders: this.#limits.maxHeaders - head.headers.size,
      };
      this.#interimSeen = true;
      this.#reader = new ResponseHeadReader(this.#limits);
    }
  }
}
