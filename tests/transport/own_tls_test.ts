/** Deno's own TLS, which serves where no authorities are given: those of the process are. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { connect, serve } from "../../mod.ts";
import { projectRoot, tls } from "../fixtures.ts";
import { runtime, skip, test } from "../harness.ts";
import { ECHO } from "../hostile/support.ts";

const FOLDER = join(projectRoot, "tests");
const CA = join(FOLDER, "fixtures", "tls", "ca.pem");

/** What a process says that trusts our authority, of a server of ours. */
async function client(...args: string[]): Promise<string> {
  await using server = await serve({ port: 0, tls }, ECHO);
  const script = join(FOLDER, "transport", "own_tls_client.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...["run", "--no-check", "--allow-all", "--cert", CA, script],
    `wss://localhost:${server.port}/`,
    ...args,
  ]);
  return stdout.trim();
}

const replaced = "tls.ca replaces the authorities of the process, by Deno's own TLS too";
const name = "without tls.ca the authorities of the process are trusted, by Deno's own TLS";
if (runtime !== "deno") {
  for (const each of [name, replaced]) skip(each, "only Deno has two kinds of TLS");
} else {
  test(replaced, async () => {
    const other = join(FOLDER, "fixtures", "tls", "faulty", "ca.pem");
    await assert.rejects(
      client(other),
      /the server's certificate is issued by an authority that is not trusted here/,
    );
    assert.equal(await client(CA), "1000 true");
  });
  test(name, async () => {
    await using server = await serve({ port: 0, tls }, ECHO);
    assert.equal(await client(), "1000 true");
    await assert.rejects(connect(`wss://localhost:${server.port}/`), /is not trusted here/);
  });
}
