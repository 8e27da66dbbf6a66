// Programs that the tests start: what they print, and that none of them stays behind.
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
 * Runs a command and answers its exit code and what it printed. Shows it as it comes if `show`; `onText` is told of it as it
 * comes.
 */
export function run(command, args, { show = false, env = {}, onText = () => {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      shell: windows,
      env: { ...process.env, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own: what a runner has started ends with it.
      detached: !windows,
    });
    running.add(child);
    let output = "";
    const add = (text) => {
      output += text;
      onText(text);
      if (show) process.stdout.write(text);
    };
    // A test that fails and leaves a server open would keep its process for ever.
    const stop = () => {
      const minutes = STANDSTILL / 60_000;
      add(
        `\nFAIL nothing was said for ${minutes} minutes: something is left open, and the run is stopped.\n`,
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

/** Does all jobs, so many at once, those that take long first. */
export async function inLanes(jobs, lanes) {
  const left = [...jobs].sort((a, b) => (b.weight ?? 1) - (a.weight ?? 1));
  const lane = async () => {
    for (let job = left.shift(); job !== undefined; job = left.shift()) await job.work();
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
