import { expect, test } from "vitest";
import type { Course } from "../../examples/digits/train.js";
import { chart } from "../../examples/digits/views/chart.js";
import { drawCurves, smooth } from "../../examples/digits/views/curves.js";
import { ladder } from "../../examples/digits/views/ladder.js";
import { progressLines, showProgress } from "../../examples/digits/views/progress.js";
import { table } from "../../examples/digits/views/table.js";

const plain = (text: string): string => text;
const course = (label: string, losses: number[], accuracy: number): Course => ({
  label,
  losses,
  accuracies: [{ step: losses.length, accuracy }],
  gradientTime: 1,
  updateTime: 1,
});

test("a table lines its columns up", () => {
  const lines = ["                  a   bb", `  ${"─".repeat(22)}`, "  held-out   91.2 %    7"];
  expect(table(["", "a", "bb"], [["held-out", "91.2 %", "7"]])).toBe(lines.join("\n"));
});

test("smoothing keeps the mean and shortens only what is longer", () => {
  expect(smooth([1, 2, 3, 4], 2)).toEqual([1.5, 3.5]);
  expect(smooth([1, 2], 5)).toEqual([1, 2]);
});

test("a falling line falls, the second curve is dashed", () => {
  const falling = Array.from({ length: 24 }, (_, index) => 1 - index / 23);
  const drawn = drawCurves([{ label: "one", values: falling }], { columns: 12, rows: 3 }, plain);
  expect(drawn).toBe(
    ["   1.00 ┤⠉⠓⠦⣄⡀", "        ┤    ⠉⠓⠦⣄⡀", "   0.00 ┤        ⠉⠓⠦⣄", `        └${"─".repeat(12)}`, "         ━━━━ one"].join("\n"),
  );
  const both = drawCurves(
    [
      { label: "one", values: [] },
      { label: "two", values: falling },
    ],
    { columns: 12, rows: 3 },
    plain,
  );
  const dashed = [
    "   1.00 ┤⠉⠃ ⣄⡀",
    "        ┤    ⠁ ⠦⡄",
    "   0.00 ┤         ⠓⠆",
    `        └${"─".repeat(12)}`,
    "         ━━━━ one     ╍╍╍╍ two",
  ];
  expect(both).toBe(dashed.join("\n"));
});

test("a loss that is not finite is left out of curves and chart", () => {
  const values = [1, Number.NaN, 0.5, Number.POSITIVE_INFINITY, 0.2];
  expect(drawCurves([{ label: "one", values }], { columns: 8, rows: 4 }, plain)).toMatch(/1\.00 ┤/);
  expect(chart("h", [course("one", values, 0.5), course("two", values, 0.5)])).not.toMatch(/NaN|Infinity/);
});

test("the bar is full at the end and empty at the start", () => {
  const courses = [course("one", [0.5], 0.9)];
  expect(progressLines(10, 10, 2_000, courses)[0]).toMatch(/^ {2}━{40} {2}10 \/ 10 steps {3}2\.0 s$/);
  expect(progressLines(1, 100, 10, courses)[0]).toMatch(/^ {2}─{40} {2} {2}1 \/ 100 steps {3}1 s left$/);
});

test("without a terminal there are plain lines, no escapes", () => {
  let text = "";
  const onStep = showProgress({ write: (part) => (text += part) }, 200, plain);
  for (let step = 1; step <= 200; step++) onStep(step, [course("one", [0.5], 0.9), course("two", [0.25], 0.8)]);
  expect(text.split("\n")).toEqual([
    "  step 100 / 200   one: loss 0.500   held-out 90.0 %   |   two: loss 0.250   held-out 80.0 %",
    "  step 200 / 200   one: loss 0.500   held-out 90.0 %   |   two: loss 0.250   held-out 80.0 %",
    "",
  ]);
});

test("a terminal is drawn in place, no line longer than it; one that does not know its width is 80 wide", () => {
  for (const [columns, width] of [
    [30, 29],
    [0, 79],
  ] as const) {
    let text = "";
    const onStep = showProgress({ isTTY: true, columns, write: (part) => (text += part) }, 2, plain);
    onStep(2, [course("a run with a long name", [0.5, 0.5], 0.9)]);
    onStep(2, [course("a run with a long name", [0.5, 0.5], 0.9)]);
    const lines = text.replaceAll("\u001b[2K", "").split("\n");
    expect(lines).toHaveLength(5);
    expect(lines[2]!.startsWith("\u001b[2A")).toBe(true);
    expect(lines[0]!.length).toBeLessThanOrEqual(width);
    expect(lines[1]).toBe("  a run with a long name   loss 0.500   held-out 90.0 %".slice(0, width));
  }
});

test("the chart is one well-formed SVG whose texts are escaped", () => {
  const svg = chart('<&">', [course("a <b>", [1, 2, 3], 0.9), course("c", [3, 2, 1], 0.8)]);
  expect(svg).toContain("&#60;&#38;&#34;&#62;");
  expect(svg).toContain("a &#60;b&#62;: 90.0 % held out");
  expect(svg.match(/<polyline/g)).toHaveLength(4);
  expect(svg.match(/<(?![/!])[^>]*[^/]>/g)!.length).toBe(svg.match(/<\//g)!.length);
});

test("the ladder shows each layer's share, and the parts around the layers", () => {
  const param = (name: string, ratio: number) => ({
    name,
    staticName: name,
    shape: [],
    dtype: null,
    frozen: false,
    use: null,
    hypers: { lr: { peak: 1, ratio, value: ratio } },
    arms: {},
    callbacks: {},
  });
  const params = [
    param("emb.a", 0.1),
    param("enc.layers.0.w", 0.25),
    param("enc.layers.0.b", 0.5),
    param("enc.layers.1.w.2", 1),
    param("head", 1),
  ];
  expect(ladder({ params, problems: [] }).split("\n")).toEqual([
    `  emb            0.100  ${"▬".repeat(3)}`,
    `  enc.layers.0   0.500  ${"▬".repeat(15)}`,
    `  enc.layers.1   1.000  ${"▬".repeat(30)}`,
    `  head           1.000  ${"▬".repeat(30)}`,
  ]);
});
