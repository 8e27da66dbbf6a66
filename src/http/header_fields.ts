/**
 * Header fields and their grammar: tokens, comma-separated lists and `Sec-WebSocket-Extensions`. Scanners read the
 * text once; no regular expression is applied to a peer's text (CVE-2021-32640, CVE-2020-7662).
 *
 * @module
 */

// RFC 9110, section 5.6.2: tchar.
const TOKEN_CHARACTERS: Uint8Array = /* @__PURE__ */ (() => {
  const table = new Uint8Array(256);
  const characters = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
})();

const TAB = 0x09;
const SPACE = 0x20;
const DOUBLE_QUOTE = 0x22;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

/** Whether a byte is a token character (RFC 9110, section 5.6.2). */
export function isTokenCharacter(code: number): boolean {
  return TOKEN_CHARACTERS[code] === 1;
}

/** Whether the text is a token: one or more token characters (RFC 9110, section 5.6.2). */
export function isToken(text: string): boolean {
  if (text.length === 0) return false;
  for (let i = 0; i < text.length; i++) {
    if (TOKEN_CHARACTERS[text.charCodeAt(i)] !== 1) return false;
  }
  return true;
}

function isWhiteSpace(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** `text[from..to)` without surrounding optional white space (RFC 9110, section 5.6.3). */
export function trimmed(text: string, from: number, to: number): string {
  while (from < to && isWhiteSpace(text.charCodeAt(from))) from++;
  while (to > from && isWhiteSpace(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

/** Lower-cases only A to Z: U+212A KELVIN SIGN is not "k" (RFC 6455, section 2.1). */
export function toAsciiLowerCase(text: string): string {
  let lower = "";
  let copied = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x41 && code <= 0x5a) {
      lower += text.slice(copied, i) + String.fromCharCode(code + 0x20);
      copied = i + 1;
    }
  }
  return copied === 0 ? text : lower + text.slice(copied);
}

/**
 * The header fields of one message, in order of arrival. Names are looked up in lower case. Lines of a repeated field
 * stay separate until {@linkcode get} joins them.
 */
export class HeaderFields implements Iterable<[name: string, value: string]> {
  readonly #names: string[] = [];
  readonly #values: string[] = [];

  /** The number of lines. */
  get size(): number {
    return this.#names.length;
  }

  /** Adds a line. The name must be in lower case. */
  append(name: string, value: string): void {
    this.#names.push(name);
    this.#values.push(value);
  }

  /** Appends a space and more text to the last line. */
  extend(more: string): void {
    const last = this.#values.length - 1;
    const value = this.#values[last]!;
    if (value === "") this.#values[last] = more;
    else if (more !== "") this.#values[last] = `${value} ${more}`;
  }

  /** The value of a field, its lines joined by `", "` (RFC 9110, section 5.3); `undefined` if it is absent. */
  get(name: string): string | undefined {
    let value: string | undefined;
    for (let i = 0; i < this.#names.length; i++) {
      if (this.#names[i] === name) {
        value = value === undefined ? this.#values[i]! : `${value}, ${this.#values[i]!}`;
      }
    }
    return value;
  }

  /** How many lines a field has. */
  count(name: string): number {
    let count = 0;
    for (const each of this.#names) if (each === name) count++;
    return count;
  }

  /** All lines, with names in lower case. */
  *[Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    for (let i = 0; i < this.#names.length; i++) yield [this.#names[i]!, this.#values[i]!];
  }
}

/**
 * The elements of a comma-separated list, without surrounding white space and without empty elements (RFC 9110,
 * section 5.6.1: a recipient accepts empty list elements). Elements may contain anything but commas.
 */
export function listElements(value: string | undefined): string[] {
  const elements: string[] = [];
  if (value === undefined) return elements;
  let start = 0;
  while (start <= value.length) {
    let end = value.indexOf(",", start);
    if (end === -1) end = value.length;
    const element = trimmed(value, start, end);
    if (element !== "") elements.push(element);
    start = end + 1;
  }
  return elements;
}

/** Whether a list contains a token, ignoring ASCII case. `token` must be in lower case. */
export function listHolds(value: string | undefined, token: string): boolean {
  if (value === undefined) return false;
  for (let start = 0; start <= value.length;) {
    const comma = value.indexOf(",", start);
    const end = comma === -1 ? value.length : comma;
    if (toAsciiLowerCase(trimmed(value, start, end)) === token) return true;
    start = end + 1;
  }
  return false;
}

/** One extension in `Sec-WebSocket-Extensions` (RFC 6455, section 9.1). */
export interface ExtensionOffer {
  /** The extension's name, such as `permessage-deflate`. */
  readonly name: string;
  /** Its parameters in order, including repeated ones; `true` for a parameter without a value. */
  readonly parameters: readonly (readonly [name: string, value: string | true])[];
}

/**
 * Parses a `Sec-WebSocket-Extensions` value (RFC 6455, section 9.1). Returns `undefined` for invalid syntax; an
 * absent header is an empty list.
 */
export function parseExtensions(value: string | undefined): ExtensionOffer[] | undefined {
  const offers: ExtensionOffer[] = [];
  if (value === undefined) return offers;
  const scanner = new Scanner(value);
  for (;;) {
    scanner.skipWhiteSpace();
    if (scanner.done) break;
    if (scanner.take(COMMA)) continue;
    const name = scanner.token();
    if (name === undefined) return undefined;
    const parameters: (readonly [string, string | true])[] = [];
    scanner.skipWhiteSpace();
    while (scanner.take(SEMICOLON)) {
      scanner.skipWhiteSpace();
      const parameter = scanner.token();
      if (parameter === undefined) return undefined;
      scanner.skipWhiteSpace();
      let parameterValue: string | true = true;
      if (scanner.take(EQUALS)) {
        scanner.skipWhiteSpace();
        const given = scanner.tokenOrQuoted();
        if (given === undefined) return undefined;
        parameterValue = given;
        scanner.skipWhiteSpace();
      }
      parameters.push([parameter, parameterValue]);
    }
    if (!scanner.done && !scanner.take(COMMA)) return undefined;
    offers.push({ name, parameters });
  }
  // RFC 6455, section 9.1: "1#extension": at least one.
  return offers.length > 0 ? offers : undefined;
}

class Scanner {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get done(): boolean {
    return this.#position >= this.#text.length;
  }

  skipWhiteSpace(): void {
    while (isWhiteSpace(this.#text.charCodeAt(this.#position))) this.#position++;
  }

  take(code: number): boolean {
    if (this.#text.charCodeAt(this.#position) !== code) return false;
    this.#position++;
    return true;
  }

  token(): string | undefined {
    const start = this.#position;
    while (TOKEN_CHARACTERS[this.#text.charCodeAt(this.#position)] === 1) this.#position++;
    return this.#position > start ? this.#text.slice(start, this.#position) : undefined;
  }

  // RFC 6455, section 9.1: "When using the quoted-string syntax variant, the value after quoted-string
  // unescaping MUST conform to the 'token' ABNF."
  tokenOrQuoted(): string | undefined {
    if (!this.take(DOUBLE_QUOTE)) return this.token();
    let value = "";
    while (!this.done) {
      if (this.take(DOUBLE_QUOTE)) return value === "" ? undefined : value;
      this.take(BACKSLASH);
      if (TOKEN_CHARACTERS[this.#text.charCodeAt(this.#position)] !== 1) return undefined;
      value += this.#text[this.#position++]!;
    }
    return undefined;
  }
}
