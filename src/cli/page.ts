/**
 * What the server answers to plain HTTP: the page, and the handshake records it asks for.
 *
 * @module
 */
import { type Refusal, refusalBody, refuse } from "../handshake/refusal.ts";
import type { HandshakeLog } from "./handshake_log.ts";
import { PAGE_HTML } from "./page_html.ts";
import { PAGE_SCRIPT } from "./page_script.ts";
import { PAGE_STYLE } from "./page_style.ts";

const COMMON = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};

/**
 * Makes the `fetch` option of a server that shows these records on a page. A client whose `Accept` header asks for
 * neither HTML nor JSON sees an ordinary WebSocket server: a refusal, whatever the path.
 */
export async function pageFetch(log: HandshakeLog): Promise<(request: Request) => Response> {
  const policy = await contentSecurityPolicy();
  return (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return refusalResponse(request, refuse("method-not-allowed", { allow: "GET, HEAD" }));
    }
    const { pathname, searchParams } = new URL(request.url);
    const [html, json] = [accepts(request, "text/html"), accepts(request, "application/json")];
    if (pathname === "/" && html) {
      return respond(200, "text/html; charset=utf-8", PAGE_HTML, { "content-security-policy": policy });
    }
    if (pathname === "/handshake" && json) {
      const record = log.find(searchParams.get("page") ?? "");
      const missing = { message: "No opening handshake with this page id is on record." };
      return respond(record === undefined ? 404 : 200, "application/json", JSON.stringify(record ?? missing));
    }
    if (pathname !== "/" && pathname !== "/handshake" && (html || json)) {
      return respond(404, "text/plain; charset=utf-8", "Not found: the page is at /.\n");
    }
    return refusalResponse(request, refuse("not-a-websocket-request"));
  };
}

function refusalResponse(request: Request, refusal: Refusal): Response {
  const json = mediaRanges(request).includes("application/json");
  return respond(
    refusal.status,
    json ? "application/json" : "text/plain; charset=utf-8",
    refusalBody(refusal, json),
    Object.fromEntries(refusal.headers),
  );
}

function respond(
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(body, { status, headers: { ...COMMON, "content-type": type, ...headers } });
}

function accepts(request: Request, type: string): boolean {
  const ranges = mediaRanges(request);
  return ranges.includes(type) || ranges.includes("*/*");
}

function mediaRanges(request: Request): string[] {
  const accept = request.headers.get("accept") ?? "";
  return accept.split(",").map((range) => range.split(";", 1)[0]!.trim().toLowerCase());
}

async function contentSecurityPolicy(): Promise<string> {
  return [
    "default-src 'none'",
    `script-src ${await hashSource(PAGE_SCRIPT)}`,
    `style-src ${await hashSource(PAGE_STYLE)}`,
    "img-src data:",
    // Older browsers do not include ws: in 'self'; the page also connects to this server under a second host name.
    "connect-src 'self' ws: wss:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

async function hashSource(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `'sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}'`;
}
