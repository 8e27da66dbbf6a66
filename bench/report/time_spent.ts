/** Evaluates a CPU profile of a woshou server: whose code ran, and which functions most. */

/** A node of a `.cpuprofile`, as all three runtimes write it. */
interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
}

/** A `.cpuprofile`, with times in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** The owner of code. */
export type Owner =
  | "writing to sockets"
  | "the runtime"
  | "garbage collection"
  | "built-in functions"
  | "transport"
  | "protocol"
  | "handshake"
  | "connection, queue, framesToSend, topics"
  | "SHA-1"
  | "the application";

/** In table order. */
export const OWNERS: readonly Owner[] = [
  "writing to sockets",
  "the runtime",
  "garbage collection",
  "built-in functions",
  "transport",
  "protocol",
  "handshake",
  "connection, queue, framesToSend, topics",
  "SHA-1",
  "the application",
];

/** Shares of the non-idle time of a span. */
export interface TimeSpent {
  readonly owners: ReadonlyMap<Owner, number>;
  /** The most expensive functions, first one first. */
  readonly functions: readonly (readonly [name: string, share: number])[];
}

const WRITES: ReadonlySet<string> = new Set([
  "writeBuffer",
  "writev",
  "op_write",
  "shutdown",
  "op_net_shutdown",
]);

function owner({ functionName, url }: ProfileNode["callFrame"]): Owner | undefined {
  if (functionName === "(idle)") return undefined;
  if (functionName === "(garbage collector)") return "garbage collection";
  if (url.includes("/bench/")) return "the application";
  if (url.includes("@noble")) return "SHA-1";
  const [, room] = /\/src\/([a-z_]+)[/.]/.exec(url) ?? [];
  if (room !== undefined) {
    if (room === "transport" || room === "protocol") return room;
    if (room === "handshake" || room === "opening_handshake" || room === "web_http") return "handshake";
    return "connection, queue, framesToSend, topics";
  }
  // Bun's socket.write() has this name and no file.
  if (WRITES.has(functionName) || (url === "" && functionName === "write")) return "writing to sockets";
  if (functionName === "(program)" || functionName === "(root)" || functionName.startsWith("op_")) {
    return "the runtime";
  }
  return url === "" ? "built-in functions" : "the runtime";
}

function nameOf({ functionName, url }: ProfileNode["callFrame"]): string {
  const file = url.split("/").slice(-2).join("/").replace(/\.[jt]s$/, "");
  return `${functionName || "(anonymous)"}${file === "" ? "" : `, ${file}`}`;
}

/** Evaluates the last seconds of a profile, without `tail` at the end. */
export function timeSpent(
  { nodes, samples, timeDeltas }: CpuProfile,
  seconds: number,
  tail: number,
): TimeSpent {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const owners = new Map<Owner, number>();
  const functions = new Map<string, number>();
  let untilEnd = 0;
  let busy = 0;
  for (let i = samples.length - 1; i >= 0 && untilEnd < (seconds + tail) * 1e6; i--) {
    const time = timeDeltas[i]!;
    untilEnd += time;
    const frame = frames.get(samples[i]!)!;
    const whose = owner(frame);
    if (untilEnd < tail * 1e6 || whose === undefined) continue;
    busy += time;
    owners.set(whose, (owners.get(whose) ?? 0) + time);
    const name = nameOf(frame);
    functions.set(name, (functions.get(name) ?? 0) + time);
  }
  const most = [...functions].sort(([, a], [, b]) => b - a);
  return {
    owners: new Map([...owners].map(([whose, time]) => [whose, time / busy])),
    functions: most.map(([name, time]) => [name, time / busy]),
  };
}
