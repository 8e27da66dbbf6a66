/**
 * All measurements in one command: `npm run bench -- [WHAT] [options]`. Without a name: woshou compared with others.
 * `npm run bench -- WHAT --help` lists the options.
 */
import process from "node:process";

const WHAT: Readonly<Record<string, () => Promise<unknown>>> = {
  "growth": () => import("./growth.ts"),
  "profile": () => import("./profile.ts"),
  "perf": () => import("./perf.ts"),
  "heap": () => import("./heap.ts"),
  "micro": () => import("./micro.ts"),
  "tiny-frames": () => import("./tiny_frames.ts"),
  "deflate": () => import("./deflate.ts"),
  "deflate-memory": () => import("./deflate_memory.ts"),
};

const [, , name = ""] = process.argv;
if (Object.hasOwn(WHAT, name)) {
  process.argv.splice(2, 1);
  await WHAT[name]!();
} else if (name === "" || name.startsWith("-")) {
  await import("./bench.ts");
} else {
  console.error(
    `There is no measurement "${name}": give one of ${Object.keys(WHAT).join(", ")}, or none of them.`,
  );
  process.exitCode = 2;
}
