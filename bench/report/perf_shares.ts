/** Who owns the code that ran, from the stacks of `perf script`. */

/** The owner of code. */
export type Owner =
  | "kernel, writing"
  | "kernel, reading"
  | "kernel, the rest"
  | "the runtime"
  | "the program's JavaScript"
  | "what that calls"
  | "other threads";

/** In table order. */
export const OWNERS: readonly Owner[] = [
  "kernel, writing",
  "kernel, reading",
  "kernel, the rest",
  "the runtime",
  "the program's JavaScript",
  "what that calls",
  "other threads",
];

/** The share of each owner. */
export type Shares = ReadonlyMap<Owner, number>;

const WRITING = /\b(?:\w*sys_(?:sendto|sendmsg|writev?)|do_writev|tcp_sendmsg)\b/;
const READING = /\b(?:\w*sys_(?:recvfrom|recvmsg|readv?)|do_readv|tcp_recvmsg)\b/;
const V8_FUNCTION = /\bJS:\S/;
const V8_RUNTIMES_FUNCTION = /\bJS:\S.* (?:node|ext):/;
// JavaScriptCore does not report the file of a function; Bun's own JavaScript hardly shows in these loads.
const JSC_FUNCTION = /\bJSC-(?:FTL|DFG|Baseline): /;

function ownerOf(thread: string, frames: readonly string[]): Owner {
  const [process, task] = thread.split("/");
  if (process !== task) return "other threads";
  const leaf = frames[0]!;
  if (leaf.includes("[kernel")) {
    if (frames.some((frame) => WRITING.test(frame))) return "kernel, writing";
    return frames.some((frame) => READING.test(frame)) ? "kernel, reading" : "kernel, the rest";
  }
  const nearest = frames.find((frame) => V8_FUNCTION.test(frame) || JSC_FUNCTION.test(frame));
  if (nearest === undefined || V8_RUNTIMES_FUNCTION.test(nearest)) return "the runtime";
  return nearest === leaf ? "the program's JavaScript" : "what that calls";
}

/** Parses the output of `perf script -F pid,tid,ip,sym,dso`. */
export function sharesOf(script: string): Shares {
  const counts = new Map<Owner, number>();
  let all = 0;
  for (const sample of script.split("\n\n")) {
    const [thread, ...frames] = sample.trim().split("\n");
    if (thread === undefined || frames.length === 0) continue;
    const owner = ownerOf(thread.trim(), frames);
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
    all++;
  }
  return new Map([...counts].map(([owner, count]) => [owner, count / all]));
}
