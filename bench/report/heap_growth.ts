/** The growth of a heap between two snapshots by object type. */

/** A `.heapsnapshot`, as all three runtimes write it. */
export interface HeapSnapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly (readonly string[])[];
    };
  };
  readonly nodes: readonly number[];
  readonly strings: readonly string[];
}

/** The number of objects of a type, and their own bytes without what they refer to. */
export interface Held {
  readonly count: number;
  readonly bytes: number;
}

/** Types whose names are contents: strings, function names. */
const NAMELESS: Readonly<Record<string, string>> = {
  "string": "string",
  "concatenated string": "string in pieces",
  "sliced string": "slice of a string",
  "closure": "function",
  "array": "array",
  "number": "number",
};

function byKind({ snapshot: { meta }, nodes, strings }: HeapSnapshot): Map<string, Held> {
  const [type, name, size] = ["type", "name", "self_size"].map((field) => meta.node_fields.indexOf(field));
  const held = new Map<string, { count: number; bytes: number }>();
  for (let at = 0; at < nodes.length; at += meta.node_fields.length) {
    const kind = NAMELESS[meta.node_types[0]![nodes[at + type!]!]!] ?? strings[nodes[at + name!]!]!;
    const of = held.get(kind) ?? { count: 0, bytes: 0 };
    of.count++;
    of.bytes += nodes[at + size!]!;
    held.set(kind, of);
  }
  return held;
}

/** Growth per connection: the types that grew, largest first. */
export function heapGrowth(before: HeapSnapshot, after: HeapSnapshot, connections: number): [string, Held][] {
  const old = byKind(before);
  return [...byKind(after)].map(([kind, { count, bytes }]): [string, Held] => {
    const was = old.get(kind);
    return [kind, {
      count: (count - (was?.count ?? 0)) / connections,
      bytes: (bytes - (was?.bytes ?? 0)) / connections,
    }];
  }).sort(([, a], [, b]) => b.bytes - a.bytes);
}
