/** docs/REFUSALS.md is made of the rules themselves: `UPDATE_DOCS=1 npm test` writes it anew. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { REFUSAL_CODES, refuse } from "../../src/handshake/refusal.ts";
import { projectRoot } from "../fixtures.ts";
import { test } from "../harness.ts";

function document(): string {
  const chapters = REFUSAL_CODES.map((code) => {
    const { status, section, message, headers } = refuse(code);
    const demanded = headers.map(([name, value]) => `, with \`${name}: ${value}\``).join("");
    return `## ${code}\n\n${status}${demanded}; ${section}.\n\n> ${message}\n`;
  });
  return `# Why a handshake is refused

Every reason, as sent by the server: the stable code, the status with its required header fields, the section of the RFC,
and the message. The \`refused\` hook gets the same.

${chapters.join("\n")}`;
}

test("docs/REFUSALS.md says what the server answers", () => {
  const path = join(projectRoot, "docs", "REFUSALS.md");
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(path, document());
  assert.equal(readFileSync(path, "utf8"), document());
});
