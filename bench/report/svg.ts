/** Charts without a library: plain SVG, readable on light and dark pages. */
import type { RuntimeName } from "../harness/runtimes.ts";

const STYLE = `
    text { font: 12px system-ui, sans-serif; fill: #24292f }
    .title { font-weight: 600; font-size: 14px }
    .faint { fill: #6e7781 }
    .rule { stroke: #d0d7de }
    .Node { fill: #2da44e; stroke: #2da44e }
    .Bun { fill: #bf8700; stroke: #bf8700 }
    .Deno { fill: #0969da; stroke: #0969da }
    .other { fill: #8c959f; stroke: #8c959f }
    .limit { fill: none; stroke: #8c959f; stroke-dasharray: 4 3 }
    polyline { fill: none !important; stroke-width: 2 }
    .dashed { stroke-width: 1.5; stroke-dasharray: 5 4 }
    rect.dashed { fill: none }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .faint { fill: #8d96a0 }
      .rule { stroke: #30363d }
    }`;

const WIDTH = 760;

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${attributes}>${escaped(content)}</text>`;
}

function picture(height: number, title: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${
    escaped(title).replaceAll('"', "&quot;")
  }">
  <style>${STYLE}
  </style>
  ${[text(8, 20, title, ' class="title"'), ...parts].join("\n  ")}
</svg>
`;
}

/** A bar with its label. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly text: string;
  /** Its colour: a runtime's for woshou, grey for others, an outline for limits. */
  readonly kind: RuntimeName | "other" | "limit";
}

/** Horizontal bars that start at 0. */
export function barChart(title: string, unit: string, bars: readonly Bar[]): string {
  const [left, right, top, row] = [190, 90, 52, 24];
  const most = Math.max(...bars.map((bar) => bar.value), Number.MIN_VALUE);
  const parts = bars.flatMap(({ label, value, text: words, kind }, index) => {
    const y = top + index * row;
    const width = Math.max(1, value / most * (WIDTH - left - right));
    return [
      text(left - 8, y + 12, label, ' text-anchor="end"'),
      `<rect class="${kind}" x="${left}" y="${y}" width="${width.toFixed(1)}" height="16" rx="2"/>`,
      text(left + width + 6, y + 12, words),
    ];
  });
  return picture(top + bars.length * row + 8, title, [text(8, 38, unit, ' class="faint"'), ...parts]);
}

/** A line with its label. */
export interface Line {
  readonly label: string;
  /** The runtime whose colour it has. */
  readonly kind: RuntimeName;
  /** For comparison. */
  readonly dashed: boolean;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** Powers of ten between two numbers. */
function powersOfTen(least: number, most: number): number[] {
  const first = Math.ceil(Math.log10(least));
  const last = Math.floor(Math.log10(most));
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => 10 ** (first + i));
}

/** Round numbers from 0 to the first that is not smaller. */
function roundSteps(most: number): number[] {
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough)! * power;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => i * step);
}

const short = (value: number): string => value.toLocaleString("en", { maximumSignificantDigits: 3 });

/** Lines over a logarithmic x axis; the y axis is logarithmic if values are far apart, and otherwise starts at 0. */
export function lineChart(title: string, unit: string, axis: string, lines: readonly Line[]): string {
  const [left, right, top, bottom, height] = [70, 24, 96, 44, 360];
  const points = lines.flatMap((line) => line.points);
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const [leastX, mostX] = [Math.min(...xs), Math.max(...xs)];
  const [leastY, highest] = [Math.max(Math.min(...ys), 1e-3), Math.max(...ys)];
  const logarithmic = highest / leastY > 50;
  const rulesY = logarithmic ? powersOfTen(leastY, highest) : roundSteps(highest);
  const mostY = logarithmic ? highest : rulesY.at(-1)!;
  const share = (value: number, least: number, most: number): number =>
    most === least ? 0.5 : Math.log(value / least) / Math.log(most / least);
  const atX = (x: number): number => left + share(x, leastX, mostX) * (WIDTH - left - right);
  const atY = (y: number): number => {
    const part = logarithmic ? share(Math.max(y, leastY), leastY, mostY) : y / mostY;
    return height - bottom - part * (height - top - bottom);
  };
  const rules = rulesY.flatMap((y) => [
    `<line class="rule" x1="${left}" x2="${WIDTH - right}" y1="${atY(y).toFixed(1)}" y2="${
      atY(y).toFixed(1)
    }"/>`,
    text(left - 8, atY(y) + 4, short(y), ' text-anchor="end" class="faint"'),
  ]);
  const marks = [...new Set(xs)].map((x) =>
    text(atX(x), height - bottom + 18, short(x), ' text-anchor="middle" class="faint"')
  );
  const drawn = lines.flatMap(({ label, kind, dashed, points }, index) => {
    const path = points.map(({ x, y }) => `${atX(x).toFixed(1)},${atY(y).toFixed(1)}`);
    const [keyX, keyY] = [left + index % 3 * 200, 48 + Math.floor(index / 3) * 20];
    const look = dashed ? `${kind} dashed` : kind;
    const dots = points.map(({ x, y }) =>
      `<circle class="${kind}" cx="${atX(x).toFixed(1)}" cy="${atY(y).toFixed(1)}" r="3"/>`
    );
    return [
      `<rect class="${look}" x="${keyX}" y="${keyY}" width="12" height="12" rx="2"/>`,
      text(keyX + 18, keyY + 10, label),
      `<polyline class="${look}" points="${path.join(" ")}"/>`,
      ...(dashed ? [] : dots),
    ];
  });
  const scale = logarithmic ? "both axes logarithmic" : "horizontal axis logarithmic";
  return picture(height, title, [
    text(8, 38, `${unit}; ${scale}`, ' class="faint"'),
    ...rules,
    ...marks,
    text((left + WIDTH - right) / 2, height - 8, axis, ' text-anchor="middle" class="faint"'),
    ...drawn,
  ]);
}
