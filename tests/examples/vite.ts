/** Vite, for the program of docs/MOUNTING.md. It is installed in tests/runtimes: its tools are many, and Node alone needs them. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { projectRoot } from "../fixtures.ts";

/** The part of Vite's dev server that the program uses. */
export interface ViteServer {
  readonly middlewares: (request: IncomingMessage, response: ServerResponse) => void;
  close(): Promise<void>;
}

/** `createServer()` of Vite, on an empty folder. */
export async function createServer(options: object): Promise<ViteServer> {
  const folder = process.env["WOSHOU_RUNTIMES"] ?? join(projectRoot, "tests", "runtimes");
  const path = join(folder, "node_modules", "vite", "dist", "node", "index.js");
  const vite = await import(pathToFileURL(path).href);
  return await vite.createServer({
    configFile: false,
    root: tmpdir(),
    logLevel: "silent",
    optimizeDeps: { noDiscovery: true },
    ...options,
  });
}
