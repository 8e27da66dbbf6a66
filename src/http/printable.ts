/**
 * Text of a peer: whether all of it can be seen, and how it is made safe for a log.
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

const TAB = 0x09;
const SPACE = 0x20;
const DELETE = 0x7f;

/** Whether text is not empty, and visible ASCII alone: no space either. */
export function isVisibleAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= SPACE || code >= DELETE) return false;
  }
  return text.length > 0;
}

/** Whether text contains a control character other than a tab. */
export function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if ((code < SPACE && code !== TAB) || code === DELETE) return true;
  }
  return false;
}
