// node tarball.mjs DENO BUN NODE...: packs what npm would publish, installs it in an empty folder, and uses it from there on
// each Node, Deno and Bun: a server, a client, the core, the command line.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const [deno, bun, ...nodes] = process.argv.slice(2);
const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const windows = process.platform === "win32";

function must(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    shell: windows,
  });
  if (status !== 0) {
    console.log(`${command} ${args.join(" ")}\n${error ?? ""}${stdout}${stderr}`);
    process.exit(1);
  }
  return stdout;
}

const folder = mkdtempSync(join(tmpdir(), "woshou-package-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const [{ filename, files }] = JSON.parse(must("npm", ["pack", "--json", "--pack-destination", folder], root));
const stray = files.map(({ path }) => path).filter((path) =>
  !/^(dist\/(mod|src\/.*)\.(js|d\.ts)|package\.json|(README|CHANGELOG)\.md|LICENSE)$/.test(path)
);
if (stray.length > 0) {
  console.log(`the tarball holds what it should not: ${stray.join(", ")}`);
  process.exit(1);
}
writeFileSync(join(folder, "package.json"), '{ "type": "module", "private": true }');
must("npm", ["install", "--no-fund", "--no-audit", `./${filename}`], folder);
writeFileSync(
  join(folder, "main.js"),
  `import { connect, serve } from "woshou";
import { acceptKey } from "woshou/core";
const server = await serve({ port: 0, fetch: () => new Response("a page") }, async (socket) => {
  for await (const message of socket) socket.send(message);
});
const socket = await connect(server.url);
socket.send(acceptKey("dGhlIHNhbXBsZSBub25jZQ=="));
for await (const message of socket) {
  if (message !== "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") throw new Error(\`unexpected message \${message}\`);
  break;
}
await socket.close();
const page = await fetch(server.url.replace("ws:", "http:"), { headers: { connection: "close" } });
if (await page.text() !== "a page") throw new Error("no page");
await server.shutdown();
console.log("握手成功");
`,
);
for (
  const [name, ...start] of [
    ["Node", process.execPath],
    ...nodes.map((node) => [node, node]),
    ["Deno", deno, "run", "--allow-net"],
    ["Bun", bun],
  ]
) {
  const [command, ...args] = start;
  const printed = must(command, [...args, "main.js"], folder);
  if (!printed.includes("握手成功")) {
    console.log(`${name} printed ${printed}`);
    process.exit(1);
  }
  console.log(`ok ${name}`);
}
// A project without Node's types, that checks all declarations.
writeFileSync(
  join(folder, "main.ts"),
  `import { type Acceptor, acceptor, connect, serve } from "woshou";
import { acceptKey } from "woshou/core";
import { pair } from "woshou/testing";
export const used = [acceptor, connect, acceptKey, pair];
export type { Acceptor };
export const server = serve({
  http: (request, response) => void response.end(request.url),
  context: ({ headers }) => headers.cookie,
  upgrade: (_, cookie) => ({ data: cookie?.length }),
}, (socket) => void socket.send(String(socket.data)));
`,
);
const lib = ["es2023", "dom", "dom.iterable", "dom.asynciterable", "esnext.disposable"];
const compilerOptions = { module: "nodenext", target: "es2022", strict: true, noEmit: true, types: [], lib };
writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts"] }));
must(join(root, "node_modules", ".bin", windows ? "tsc.cmd" : "tsc"), ["-p", "tsconfig.json"], folder);
console.log("ok types");
const version = must(process.execPath, [
  join(folder, "node_modules", "woshou", "dist", "src", "cli", "main.js"),
  "--version",
], folder);
console.log(`ok bin ${version.trim()}`);
