/** A request listener of `node:http` that the HTTP servers share. */
import type { IncomingMessage, ServerResponse } from "node:http";

/** What it answers. */
export const PAGE: string = "x".repeat(200);

/** Answers a short text to everything. */
export function application(_: IncomingMessage, response: ServerResponse): void {
  response.setHeader("content-type", "text/plain");
  response.end(PAGE);
}
