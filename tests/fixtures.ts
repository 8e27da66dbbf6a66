/** Files of the project that tests read, found from the sources and from the compiled tests alike. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).name === "woshou") return folder;
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`No package.json of woshou is above ${import.meta.url}.`);
    folder = parent;
  }
}

function pem(name: string): string {
  return readFileSync(join(projectRoot, "tests", "fixtures", "tls", name), "utf8");
}

/** The folder of package.json. */
export const projectRoot: string = findRoot();

/** PEM texts: an authority, its leaf for localhost, 127.0.0.1 and ::1, and its leaf for other.example. */
export const tls: { ca: string; cert: string; key: string; otherCert: string; otherKey: string } = {
  ca: pem("ca.pem"),
  cert: pem("localhost.pem"),
  key: pem("localhost.key"),
  otherCert: pem("other.pem"),
  otherKey: pem("other.key"),
};
