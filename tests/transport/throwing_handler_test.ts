/**
 * What an owner of a transport throws is a fault of ours: the process hears of it as of any other, and no runtime takes it for
 * a failure of the socket.
 */
import { equal } from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { projectRoot } from "../fixtures.ts";
import { runtime, test } from "../harness.ts";

const PROGRAM = "tests/transport/throwing_handler";
const COMMANDS = {
  node: [join(projectRoot, ".build", `${PROGRAM}.js`)],
  deno: ["run", "--no-check", "--allow-all", join(projectRoot, `${PROGRAM}.ts`)],
  bun: ["run", join(projectRoot, `${PROGRAM}.ts`)],
};

for (const where of ["data", "drain", "end", "close"]) {
  test(`what the owner of a transport throws in ${where}() the process hears`, async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [...COMMANDS[runtime], where]);
    equal(stdout.trim(), `thrown in ${where}()`);
  });
}
