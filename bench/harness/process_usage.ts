/** What a process and the machine have used, from Linux's /proc: the same for every subject, whatever it is written in. */
import { readFileSync } from "node:fs";

/** Linux counts in ticks of 10 ms here, on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Seconds of CPU that all threads of the process have used until now, in user and in kernel mode. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name of the command comes second, in parentheses, and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])];
  return (userTicks + systemTicks) / TICKS_PER_SECOND;
}

/** Seconds of CPU that all processes have used since the machine was started, and what its host took from it. */
export function machineCpuSeconds(): number {
  const [, user, nice, system, , , , , stolen = 0] = readFileSync("/proc/stat", "latin1").split(/\s+/, 9).map(
    Number,
  );
  return (user! + nice! + system! + stolen) / TICKS_PER_SECOND;
}

/** The most memory, in bytes, that the process has had resident at any time. */
export function peakMemory(pid: number): number {
  const line = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  if (line === null) throw new Error(`/proc/${pid}/status does not tell the peak of resident memory.`);
  return Number(line[1]) * 1024;
}
