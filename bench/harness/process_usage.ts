/** What a process and the machine have used, from Linux's /proc: the same for every subject, whatever it is written in. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";

/** Linux counts in ticks of 10 ms here, on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Seconds of CPU. */
export interface CpuTime {
  /** In user and in kernel mode. */
  readonly all: number;
  /** In kernel mode. */
  readonly kernel: number;
}

/** What all threads of the process have used until now. */
export function cpuTime(pid: number): CpuTime {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name of the command comes second, in parentheses, and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])];
  return { all: (userTicks + systemTicks) / TICKS_PER_SECOND, kernel: systemTicks / TICKS_PER_SECOND };
}

/** Seconds of CPU that all processes have used since the machine was started, and what its host took from it. */
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

/** The most memory, in bytes, that the process has had resident at any time. */
export function peakMemory(pid: number): number {
  return memory(pid, "VmHWM");
}

/**
 * Bytes that are resident in a server of the bench after it was asked to collect garbage: `servers/serving.ts` does so at
 * this signal.
 */
export async function collectedMemory(pid: number): Promise<number> {
  // What one collection frees natively, another may give back to the system.
  for (let i = 0; i < 3; i++) {
    process.kill(pid, "SIGUSR2");
    await delay(400);
  }
  return memory(pid, "VmRSS");
}

/** How many files and sockets a process that this one starts may have open. */
export function openFilesLimit(): number {
  const line = /^Max open files +(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "latin1"));
  return line === null || line[1] === "unlimited" ? Infinity : Number(line[1]);
}
