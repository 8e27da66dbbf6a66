/** Paths, as seen from the compiled bench. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of package.json; the compiled bench is in `.build/bench/` of it. */
export const projectRoot: string = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

/** The version in the package.json of a folder below the project's. */
export function packageVersion(...folder: string[]): string {
  return JSON.parse(readFileSync(join(projectRoot, ...folder, "package.json"), "utf8")).version;
}
