/**
 * Text of a peer, made safe for an error message.
 *
 * @module
 */

/** A peer's text, safe for a log: no control characters, at most a few lines. */
export function printable(text: string): string {
  let result = "";
  for (const character of text.trim().slice(0, 600)) {
    const code = character.codePointAt(0)!;
    result += code < 0x20 || (code >= 0x7f && code < 0xa0) ? " " : character;
  }
  return result;
}
