/** Resource use of a process and of the machine, from Linux's /proc: the same for every subject. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";

/** Linux counts in ticks of 10 ms on every architecture that Node supports. */
const TICKS_PER_SECOND = 100;

/** Seconds of CPU. */
export interface CpuTime {
  /** User and kernel mode. */
  readonly all: number;
  /** In kernel mode. */
  readonly kernel: number;
}

/** CPU time of all threads of the process so far. */
export function cpuTime(pid: number): CpuTime {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The command name comes second, in parentheses, and may contain anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])];
  return { all: (userTicks + systemTicks) / TICKS_PER_SECOND, kernel: systemTicks / TICKS_PER_SECOND };
}

/** CPU seconds of all processes since boot, and CPU time stolen by the host. */
export function machineCpuSeconds(): number {
  const [, user, nice, system, , , , , stolen = 0] = readFileSync("/proc/stat", "latin1").split(/\s+/, 9).map(
    Number,
  );
  return (user! + nice! + system! + stolen) / TICKS_PER_SECOND;
}

function memory(pid: number, field: "VmHWM" | "VmRSS"): number {
  const line = new RegExp(`^${field}:\\s*(\\d+) kB$`, "m").exec(
    readFileSync(`/proc/${pid}/status`, "latin1"),
  );
  if (line === null) throw new Error(`/proc/${pid}/status does not tell ${field}.`);
  return Number(line[1]) * 1024;
}

/** The peak resident memory of the process in bytes. */
export function peakMemory(pid: number): number {
  return memory(pid, "VmHWM");
}

/** Resident bytes of a bench server after a garbage collection, which `servers/serving.ts` does on this signal. */
export async function collectedMemory(pid: number): Promise<number> {
  // Memory freed by one collection may be returned to the system by the next.
  for (let i = 0; i < 3; i++) {
    process.kill(pid, "SIGUSR2");
    await delay(400);
  }
  return memory(pid, "VmRSS");
}

/** The limit of open files for child processes. */
export function openFilesLimit(): number {
  const line = /^Max open files +(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "latin1"));
  return line === null || line[1] === "unlimited" ? Infinity : Number(line[1]);
}
