/** Another version of the library to run the bench programs with. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { packageVersion, projectRoot } from "./project.ts";
import type { Suite } from "./suite.ts";

/** A version checked out in a folder and compiled. */
export interface Checkout {
  /** The commit, as abbreviated by git. */
  readonly commit: string;
  /** What its package.json states. */
  readonly version: string;
  readonly root: string;
}

/** Below the project's folder, so that the project's packages are found. */
const FOLDER = join(".build", "against");
/** Taken from the other version; the bench itself and its build are from this one. */
const OF_THE_VERSION = ["mod.ts", "src", "package.json", "deno.json"];

function run(command: string, args: readonly string[], cwd: string = projectRoot): string {
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
}

/** Checks out a commit of this repository. Throws if there is no such commit, or if it does not compile. */
export function checkOut(name: string): Checkout {
  const commit = run("git", ["rev-parse", "--short", "--verify", "--end-of-options", `${name}^{commit}`]);
  const folder = join(FOLDER, commit);
  const root = join(projectRoot, folder);
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  const archive = join(root, "version.tar");
  run("git", ["archive", "--output", archive, commit, "--", ...OF_THE_VERSION]);
  run("tar", ["-xf", archive], root);
  rmSync(archive);
  const ours = readdirSync(projectRoot).filter((file) => /^tsconfig.*\.json$/.test(file));
  for (const each of [...ours, "bench"]) {
    cpSync(join(projectRoot, each), join(root, each), { recursive: true });
  }
  // The other version may lack what the bench uses: then only that subject fails.
  run(join(projectRoot, "node_modules", ".bin", "tsc"), ["-p", "tsconfig.bench.json", "--noCheck"], root);
  return { commit, version: packageVersion(folder), root };
}

/** The suites with woshou's subjects only, each compared with itself in the other version. */
export function against({ commit, version, root }: Checkout, suites: readonly Suite[]): Suite[] {
  return suites.map((suite) => ({
    ...suite,
    subjects: suite.subjects.filter(({ id }) => id.startsWith("woshou-")).flatMap((subject) => {
      const { peer: _, limit: _limit, ...alone } = subject;
      const id = `${subject.id}@${commit}`;
      const title = `${subject.title}, ${commit}`;
      return [{ ...alone, peer: id }, {
        ...alone,
        id,
        title,
        root,
        library: `woshou ${version} (${commit})`,
      }];
    }),
  })).filter(({ subjects }) => subjects.length > 0);
}
