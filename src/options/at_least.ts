/**
 * Numeric options with a minimum.
 *
 * @module
 */

/** The option's value or its default. Throws a `RangeError` unless it is a number of at least `least`. */
export function atLeast<Name extends string>(
  options: { readonly [name in Name]?: number | undefined },
  name: Name,
  least: number,
  fallback: number,
): number {
  const value = options[name];
  if (value === undefined) return fallback;
  if (typeof value === "number" && value >= least) return value;
  throw new RangeError(`Cannot use ${String(value)} for option ${name}: give a number of at least ${least}.`);
}
