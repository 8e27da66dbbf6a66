// Child processes: collects their output and makes sure that none is left running.
import { spawn } from "node:child_process";

export const windows = process.platform === "win32";

const STANDSTILL = 3 * 60_000;
const running = new Set();

function kill(child) {
  if (windows || child.pid === undefined) child.kill("SIGKILL");
  else process.kill(-child.pid, "SIGKILL");
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    for (const child of running) kill(child);
    process.exit(130);
  });
}

/**
 * Runs a command and returns its exit code and output. With `show` the output is also printed as it comes; `onText` is called
 * with it.
 */
export function run(command, args, { show = false, env = {}, onText = () => {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      shell: windows,
      env: { ...process.env, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
      // A process group of its own, so that everything it has started can be killed with it.
      detached: !windows,
    });
    running.add(child);
    let output = "";
    const add = (text) => {
      output += text;
      onText(text);
      if (show) process.stdout.write(text);
    };
    // A failed test that leaves a server open would keep its process running forever.
    const stop = () => {
      const minutes = STANDSTILL / 60_000;
      add(
        `\nFAIL no output for ${minutes} minutes: something is left open, so the process is killed.\n`,
      );
      kill(child);
    };
    let standstill = setTimeout(stop, STANDSTILL);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        clearTimeout(standstill);
        standstill = setTimeout(stop, STANDSTILL);
        add(text);
      });
    }
    child.on("error", (error) => {
      clearTimeout(standstill);
      resolve({ code: 127, output: String(error) });
    });
    child.on("close", (code) => {
      clearTimeout(standstill);
      running.delete(child);
      resolve({ code: code ?? 1, output });
    });
  });
}

/** Runs all jobs, this many at a time, the slow ones first. */
export async function inLanes(jobs, lanes) {
  const left = [...jobs].sort((a, b) => (b.weight ?? 1) - (a.weight ?? 1));
  const lane = async () => {
    for (let job = left.shift(); job !== undefined; job = left.shift()) await job.work();
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
