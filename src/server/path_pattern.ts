/**
 * Paths with parameters: `/rooms/:id`.
 *
 * @module
 */

/** The names of the parameters in a path: `"id"` for `"/rooms/:id"`. */
export type ParameterNames<Path extends string> = string extends Path ? string
  : Path extends `${infer First}/${infer Rest}` ? ParameterNames<First> | ParameterNames<Rest>
  : Path extends `:${infer Name}` ? Name
  : never;

/** The parameters of a path, decoded. */
export type RouteParameters<Path extends string> = Readonly<Record<ParameterNames<Path>, string>>;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A path, some of whose segments are parameters. */
export class PathPattern {
  readonly #segments: readonly string[];

  /** Throws a `TypeError` for a path that is none, and for a parameter whose name is invalid or repeated. */
  constructor(path: string) {
    this.#segments = path.split("/");
    const names = this.#segments.filter((each) => each.startsWith(":")).map((each) => each.slice(1));
    const wrong = names.find((each, i) => !NAME.test(each) || names.indexOf(each) !== i);
    if (wrong !== undefined) {
      throw new TypeError(
        `Cannot use parameter ":${wrong}" in route ${
          JSON.stringify(path)
        }: give each a name of its own, of letters, digits and _.`,
      );
    }
  }

  /** The parameters, if a path matches. A parameter is one segment that is not empty, and validly percent-encoded. */
  match(path: string): Record<string, string> | undefined {
    const parts = path.split("/");
    if (parts.length !== this.#segments.length) return undefined;
    const params: Record<string, string> = {};
    for (const [i, segment] of this.#segments.entries()) {
      const part = parts[i]!;
      if (!segment.startsWith(":")) {
        if (part !== segment) return undefined;
        continue;
      }
      const value = decoded(part);
      if (value === undefined || value === "") return undefined;
      params[segment.slice(1)] = value;
    }
    return params;
  }
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
