/** Groups 12 and 13: messages of five kinds of data compressed, and compressed as the other side asked. */
import { amount } from "../../harness.ts";
import { type Case, type CaseGroup, closes, type Compression, group, receive, type Step } from "../case.ts";
import type { Asked } from "../extension.ts";
import { binary, text } from "../frames.ts";
import { type Material, materials, stretches } from "../materials.ts";

type Body = Omit<Case, "id">;

const KIB = 1024;

/** The sizes of messages, and of the fragments of their compressed form. */
const SHAPES: readonly (readonly [size: number, fragmentSize?: number])[] = [
  ...[16, 64, 256, KIB, 4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB, 128 * KIB].map((size) =>
    [size] as const
  ),
  ...[8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB, 128 * KIB].map((size) => [size, 256] as const),
  ...[KIB, 4 * KIB, 32 * KIB].map((fragmentSize) => [128 * KIB, fragmentSize] as const),
];

// Short messages that are alike are less than this, if they refer to those before them, and more, if they cannot.
const SHORT = [64, 256];
const SHARE_OF_SHORT = 0.65;

/** Many of the short ones, and of the long ones so many that together they are many windows long. */
function countOf(size: number): number {
  return Math.max(amount(6, 2), Math.min(amount(250, 24), 256 * KIB / size));
}

function named(size: number): string {
  return size < KIB ? `${size} bytes` : `${size / KIB} KiB`;
}

function echoed(
  of: Material,
  size: number,
  fragmentSize: number | undefined,
  compression: Compression,
): Body {
  const { mode, asked } = compression;
  const { noContextTakeover = false, windowBits = 15 } = asked[0]!;
  const takesOver = mode === "context-takeover" && !noContextTakeover && windowBits === 15;
  const count = countOf(size);
  return {
    title: `${of.type === "text" ? "Texts" : "Binary messages"} of ${named(size)}${
      fragmentSize === undefined ? "" : ` in fragments of ${named(fragmentSize)}`
    }; ${mode === "shared" ? "shared mode" : "context takeover"}`,
    section: "7.2",
    compression,
    *script(): Generator<Step> {
      const frame = of.type === "text" ? text : binary;
      for (const stretch of stretches(of, size, count)) {
        const message = frame(stretch);
        yield { do: "compress", message, fragmentSize: fragmentSize ?? Infinity };
        yield receive(message);
      }
      const share = takesOver && SHORT.includes(size) ? SHARE_OF_SHORT : 1;
      if (size >= (takesOver ? of.smallerFrom.takenOver : of.smallerFrom.alone)) {
        yield { do: "smaller", share };
      }
      yield closes(1000);
    },
  };
}

function echoes(of: Material, compression: (fragmented: boolean) => Compression): Body[] {
  return SHAPES.map(([size, fragmentSize]) =>
    echoed(of, size, fragmentSize, compression(fragmentSize !== undefined))
  );
}

/** The subject's mode, and what is asked of it. */
const OFFERS: readonly (readonly [title: string, mode: Compression["mode"], asked: readonly Asked[]])[] = [
  ["nothing asked", "context-takeover", [{}]],
  ["no context takeover asked", "context-takeover", [{ noContextTakeover: true }]],
  ["a window of 9 bits asked", "context-takeover", [{ windowBits: 9 }]],
  ["a window of 15 bits asked", "context-takeover", [{ windowBits: 15 }]],
  ["no context takeover and a window of 9 bits asked", "shared", [{
    noContextTakeover: true,
    windowBits: 9,
  }]],
  ["no context takeover and a window of 15 bits asked", "context-takeover", [
    { noContextTakeover: true, windowBits: 15 },
  ]],
  [
    "no context takeover with a window of 9 bits preferred to one without, and that to nothing asked",
    "shared",
    [
      { noContextTakeover: true, windowBits: 9 },
      { noContextTakeover: true },
      {},
    ],
  ],
];

export const compression: CaseGroup[] = [
  ...materials.map((of, index) =>
    group(
      `12.${index + 1}`,
      `${of.name} of ${of.size} bytes, compressed`,
      echoes(of, (fragmented) => ({ mode: fragmented ? "context-takeover" : "shared", asked: [{}] })),
    )
  ),
  ...OFFERS.map(([title, mode, asked], index) =>
    group(`13.${index + 1}`, `JSON, compressed: ${title}`, echoes(materials[0]!, () => ({ mode, asked })))
  ),
];
