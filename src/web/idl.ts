/**
 * Web IDL conversions of a caller's values.
 *
 * @module
 */

/** `[Clamp] unsigned short`. */
export function clampToShort(value: unknown): number {
  const clamped = Math.min(Math.max(Number(value), 0), 0xffff);
  if (Number.isNaN(clamped)) return 0;
  // Ties are rounded to even.
  const floor = Math.floor(clamped);
  const rest = clamped - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** `[EnforceRange] unsigned short`. Throws a `TypeError` for anything but a number from 0 to 65535. */
export function enforceShort(value: unknown): number {
  const integer = Math.trunc(Number(value));
  if (integer >= 0 && integer <= 0xffff) return integer;
  throw new TypeError(`Cannot use ${String(value)} as a status code: give a number from 0 to 65535.`);
}

/** `sequence<USVString>`. Throws a `TypeError` for anything but an iterable object. */
export function stringSequence(value: unknown): string[] {
  if (typeof value === "object" && value !== null && Symbol.iterator in value) {
    return Array.from(value as Iterable<unknown>, String);
  }
  throw new TypeError("Cannot read this as a list of strings: give an array.");
}

/**
 * `BufferSource or USVString`: the bytes of a view or buffer, not copied; everything else is converted to a string.
 * Shared memory also counts as bytes: Web IDL would convert it to the string `[object SharedArrayBuffer]`.
 */
export function bytesOrString(data: unknown): string | Uint8Array {
  refuseResizable(ArrayBuffer.isView(data) ? data.buffer : data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) return new Uint8Array(data);
  // Unlike String(), throws for a symbol.
  return `${data}`;
}

/** Web IDL, without `[AllowResizable]`: a resizable buffer is not a BufferSource. */
function refuseResizable(buffer: unknown): void {
  const { resizable } = (buffer instanceof ArrayBuffer ? buffer : {}) as { resizable?: boolean };
  if (resizable) {
    throw new TypeError("Cannot send a resizable ArrayBuffer: give a copy, such as buffer.slice().");
  }
}

/** Makes members enumerable, and constants read-only, as in a Web IDL interface. */
export function likeInterface(
  constructor: { readonly name: string; readonly prototype: object },
  members: readonly string[],
  constants: Readonly<Record<string, number>> = {},
): void {
  const { prototype } = constructor;
  for (const name of members) Object.defineProperty(prototype, name, { enumerable: true });
  for (const [name, value] of Object.entries(constants)) {
    Object.defineProperty(constructor, name, { value, enumerable: true });
    Object.defineProperty(prototype, name, { value, enumerable: true });
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: constructor.name, configurable: true });
}
