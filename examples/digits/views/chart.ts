// The loss curves and held-out accuracies as one SVG file that needs nothing else and follows the viewer's light or dark mode.

import type { Course } from "../train.js";
import { smooth } from "./curves.js";
import { percent } from "./units.js";

const WIDTH = 860;
const HEIGHT = 400;
const PANEL = { width: 340, height: 260, top: 84 } as const;
const LEFT = { loss: 60, accuracy: 490 } as const;

interface Panel {
  readonly title: string;
  readonly left: number;
  readonly steps: number;
  readonly top: number;
  readonly ticks: readonly number[];
  readonly label: (value: number) => string;
  /** Points (step, value) of each run. */
  readonly points: readonly (readonly (readonly [number, number])[])[];
}

const escapeXml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

function panelOf(panel: Panel): string {
  const x = (step: number) => (panel.left + (step / panel.steps) * PANEL.width).toFixed(1);
  const y = (value: number) => (PANEL.top + (1 - value / panel.top) * PANEL.height).toFixed(1);
  const right = panel.left + PANEL.width;
  const grid = panel.ticks.map(
    (tick) =>
      `<line class="grid" x1="${panel.left}" x2="${right}" y1="${y(tick)}" y2="${y(tick)}"/><text class="tick" x="${panel.left - 8}" y="${y(tick)}" text-anchor="end" dominant-baseline="middle">${panel.label(tick)}</text>`,
  );
  const steps = [0, panel.steps / 2, panel.steps].map(
    (step) => `<text class="tick" x="${x(step)}" y="${PANEL.top + PANEL.height + 20}" text-anchor="middle">${Math.round(step)}</text>`,
  );
  const lines = panel.points.map((points, run) => {
    const path = points.filter(([, value]) => Number.isFinite(value)).map(([step, value]) => `${x(step)},${y(Math.min(value, panel.top))}`);
    return `<polyline class="run${run}" points="${path.join(" ")}"/>`;
  });
  const title = `<text class="title" x="${panel.left}" y="${PANEL.top - 18}">${panel.title}</text>`;
  return [title, ...grid, ...steps, ...lines].join("\n");
}

const STYLE = `
  svg { font: 13px system-ui, sans-serif; background: #fff; color: #1c2733 }
  text { fill: currentColor } .heading { font-size: 16px; font-weight: 600 } .title { font-weight: 600 } .tick { font-size: 11px; opacity: .65 }
  .grid { stroke: currentColor; opacity: .12 } polyline { fill: none; stroke-width: 2; stroke-linejoin: round }
  .run0 { stroke: #0b6bcb } .run1 { stroke: #d9480f; stroke-dasharray: 6 3 }
  @media (prefers-color-scheme: dark) { svg { background: #10161d; color: #e6edf3 } .run0 { stroke: #58a6ff } .run1 { stroke: #ff9e64 } }`;

/** Draws two runs. */
export function chart(heading: string, courses: readonly Course[]): string {
  const steps = courses[0]!.losses.length;
  const losses = courses.map(({ losses }) =>
    smooth(losses, 120).map((loss, index, all) => [((index + 0.5) / all.length) * steps, loss] as const),
  );
  const highest = Math.max(
    1,
    Math.ceil(
      Math.max(
        ...losses
          .flat()
          .map(([, loss]) => loss)
          .filter(Number.isFinite),
      ),
    ),
  );
  const legend = courses.map(({ label, accuracies }, run) => {
    const left = LEFT.loss + run * 390;
    const last = accuracies.at(-1);
    const text = `${label}${last === undefined ? "" : `: ${percent(last.accuracy)} held out`}`;
    return `<line class="run${run}" style="stroke-width:3" x1="${left}" x2="${left + 28}" y1="${HEIGHT - 16}" y2="${HEIGHT - 16}"/><text x="${left + 38}" y="${HEIGHT - 12}">${escapeXml(text)}</text>`;
  });
  const panels = [
    panelOf({
      title: "Training loss",
      left: LEFT.loss,
      steps,
      top: highest,
      ticks: Array.from({ length: highest + 1 }, (_, tick) => tick),
      label: String,
      points: losses,
    }),
    panelOf({
      title: "Held-out accuracy",
      left: LEFT.accuracy,
      steps,
      top: 1,
      ticks: [0, 0.25, 0.5, 0.75, 1],
      label: (value) => `${value * 100} %`,
      points: courses.map(({ accuracies }) => accuracies.map(({ step, accuracy }) => [step, accuracy] as const)),
    }),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}">
<style>${STYLE}</style>
<text class="heading" x="${LEFT.loss}" y="34">${escapeXml(heading)}</text>
${panels.join("\n")}
${legend.join("\n")}
</svg>
`;
}
