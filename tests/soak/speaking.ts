/** How a program of the soak speaks with the command that started it: lines of JSON, one answer to each question. */
import process from "node:process";
import { serving } from "../../bench/servers/serving.ts";

/** A question: what is to be done, and with what. */
export interface Question {
  readonly do: string;
  readonly [detail: string]: unknown;
}

/** Returns the questions on standard input one after the other. The first output line is the port. */
export function speak(port: number, answer: (question: Question) => unknown): void {
  let text = "";
  let last: Promise<void> = Promise.resolve();
  process.stdin.setEncoding("utf8");
  process.stdin.on("data", (piece: string) => {
    const lines = (text + piece).split("\n");
    text = lines.pop()!;
    for (const line of lines) {
      last = last.then(async () => {
        const told = await answer(JSON.parse(line));
        console.log(JSON.stringify(told ?? null));
      });
    }
  });
  serving(port);
}
