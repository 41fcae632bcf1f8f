// Figures as one SVG document that stands by itself: no script, no outside reference, light and dark.

import { escapeHtml } from "../../rules/ratio-picture.js";
import { type CurveFigure, type Figure, type LayerFigure, rangeWithZero, short } from "./figure.js";

const WIDTH = 800;
const LEFT = 72;
const RIGHT = 16;
const PLOT = WIDTH - LEFT - RIGHT;
const HEIGHT = 240;
const TOP = 32;
const BOTTOM = 36;
const ROW = 18;

const STYLE = `text{font:12px system-ui,sans-serif;fill:#334}.title{font-weight:600}.grid{stroke:#dde}.line{fill:none;stroke:#2a6fdb;stroke-width:2;stroke-linejoin:round}.bar{fill:#2a6fdb}.spread{fill:#9cc0f5}svg{background:#fff}@media (prefers-color-scheme:dark){text{fill:#ccd}.grid{stroke:#334}svg{background:#111418}}`;

/** All figures, one below the other. */
export function drawSvg(figures: readonly Figure[]): string {
  let y = 0;
  const parts = figures.map((figure) => {
    const { height, body } = figure.kind === "curve" ? curveOf(figure) : layersOf(figure);
    const placed = `<g transform="translate(0 ${y})"><text class="title" x="${LEFT}" y="18">${escapeHtml(figure.title)}</text>\n${body}</g>`;
    y += height;
    return placed;
  });
  const label = escapeHtml(figures.map(({ title }) => title).join("; "));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" aria-label="${label}">\n<style>${STYLE}</style>\n${parts.join("\n")}\n</svg>\n`;
}

interface Drawn {
  readonly height: number;
  readonly body: string;
}

const coordinate = (value: number) => `${Number(value.toFixed(2))}`;

function curveOf({ steps, values }: CurveFigure): Drawn {
  const [low, high] = rangeWithZero(values);
  const last = steps.at(-1)!;
  const bottom = HEIGHT - BOTTOM;
  const x = (step: number) => LEFT + (last === 0 ? 0 : (step / last) * PLOT);
  const y = (value: number) => (high === low ? (TOP + bottom) / 2 : bottom - ((value - low) / (high - low)) * (bottom - TOP));
  const ticks = [...new Set([0, 0.25, 0.5, 0.75, 1].map((part) => low + part * (high - low)))];
  const lines = ticks.map((tick) => {
    const at = coordinate(y(tick));
    return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/><text x="${LEFT - 8}" y="${coordinate(y(tick) + 4)}" text-anchor="end">${short(tick)}</text>`;
  });
  const marks = [0, 0.5, 1].map((part) => {
    const step = Math.round(part * last);
    const anchor = part === 0 ? "start" : part === 1 ? "end" : "middle";
    return `<text x="${coordinate(x(step))}" y="${bottom + 20}" text-anchor="${anchor}">${step}${part === 1 ? " steps" : ""}</text>`;
  });
  const points = cornersOf({ steps, values }).map(({ step, value }) => `${coordinate(x(step))},${coordinate(y(value))}`);
  return { height: HEIGHT, body: [...lines, ...marks, `<polyline class="line" points="${points.join(" ")}"/>`].join("\n") };
}

/** Points without those that lie on the line of their neighbours. */
function cornersOf({ steps, values }: Pick<CurveFigure, "steps" | "values">): readonly { readonly step: number; readonly value: number }[] {
  const points = steps.map((step, i) => ({ step, value: values[i]! }));
  const [low, high] = rangeWithZero(values);
  return points.filter(({ step, value }, i) => {
    const [before, after] = [points[i - 1], points[i + 1]];
    if (before === undefined || after === undefined) return true;
    const straight = before.value + ((after.value - before.value) * (step - before.step)) / (after.step - before.step);
    return Math.abs(value - straight) > (high - low) * 1e-6;
  });
}

function layersOf({ layers }: LayerFigure): Drawn {
  const [, high] = rangeWithZero(layers.flatMap(({ range }) => range ?? []));
  const left = LEFT + 200;
  const x = (value: number) => (high === 0 ? 0 : (Math.max(0, value) / high) * (WIDTH - left - 120));
  const rows = layers.map(({ label, tensors, range }, i) => {
    const y = TOP + i * ROW;
    const said = range === null ? "frozen" : range[0] === range[1] ? short(range[0]) : `${short(range[0])} .. ${short(range[1])}`;
    const name = `<text x="${left - 8}" y="${y + 12}" text-anchor="end">${escapeHtml(elided(label))}<title>${escapeHtml(label)}, ${tensors} tensor${tensors === 1 ? "" : "s"}</title></text>`;
    const bars =
      range === null
        ? ""
        : `<rect class="spread" x="${left}" y="${y}" width="${coordinate(x(range[1]))}" height="${ROW - 4}"/><rect class="bar" x="${left}" y="${y}" width="${coordinate(x(range[0]))}" height="${ROW - 4}"/>`;
    const end = left + (range === null ? 0 : x(range[1])) + 8;
    return `${name}${bars}<text x="${coordinate(end)}" y="${y + 12}">${said}</text>`;
  });
  return { height: TOP + layers.length * ROW + 16, body: rows.join("\n") };
}

function elided(label: string): string {
  const letters = Array.from(label);
  return letters.length <= 36 ? label : `…${letters.slice(-35).join("")}`;
}
