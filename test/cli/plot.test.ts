// optspec plot: what is drawn is what the schedule and the rules say, read back from the dots and the picture.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { CurveFigure, LayerFigure } from "../../src/tools/plot/figure.js";
import { sampleCurve } from "../../src/tools/plot/sample.js";
import { optspec, put } from "./command.js";
import { temporaryFolder } from "./folder.js";

const spec = `optimizer Warm {
  hyper lr = 2 in [0, inf), layer_decay = 0.5
  schedule lr = 0 -> 1 linear 100; hold 50; -> 0.5 linear 50
  param <- param - lr * grad
  rules scale lr { "layers.{n}" => layer_decay ^ (3 - n)   else => 1 }
}
`;
const expected = (k: number) => 2 * (k < 100 ? k / 100 : k < 150 ? 1 : Math.max(0.5, 1 - (0.5 * (k - 150)) / 50));
const names = ["embed.w", ...[0, 1, 2].flatMap((n) => [`layers.${n}.w`, `layers.${n}.b`]), "head.w"];
const list = JSON.stringify(names.map((name) => ({ name, shape: [2, 2] })));

async function run(args: readonly string[], files: Record<string, string> = {}) {
  const cwd = temporaryFolder();
  put(cwd, { "warm.opt": spec, "model.json": list, ...files });
  return { cwd, ...(await optspec(cwd, ["plot", ...args])) };
}

/** The heights that a chart shows in each column of dots, from 0 at the bottom to 1, lowest and highest. */
function heights(lines: readonly string[]): readonly (readonly [number, number])[] {
  const rows = lines.filter((line) => line.includes("┤")).map((line) => line.slice(line.indexOf("┤") + 1));
  const bits = [
    [0x01, 0x02, 0x04, 0x40],
    [0x08, 0x10, 0x20, 0x80],
  ];
  const width = rows.reduce((most, row) => Math.max(most, row.length), 0);
  return Array.from({ length: width * 2 }, (_, x) => {
    const set = rows.flatMap((row, y) => {
      const code = row.charCodeAt(x >> 1);
      return [0, 1, 2, 3].flatMap((dot) => (code >= 0x2800 && code & bits[x & 1]![dot]! ? [y * 4 + dot] : []));
    });
    const height = (row: number) => 1 - row / (rows.length * 4 - 1);
    return [height(Math.max(...set)), height(Math.min(...set))] as const;
  }).filter(([low]) => Number.isFinite(low));
}

describe("in the terminal", () => {
  test("the dots follow the schedule, as far as it moves", async () => {
    const { exitCode, out, talk } = await run(["warm.opt"]);
    expect([exitCode, talk]).toEqual([0, ""]);
    const lines = out.split("\n");
    expect(lines[0]).toBe("lr of Warm");
    const last = Number(/(\d+) steps/.exec(out)![1]);
    expect(last).toBe(220);
    expect(lines.filter((line) => line.includes("┤")).map((line) => line.slice(0, line.indexOf("┤")).trim())).toEqual([
      "2",
      "",
      "",
      "",
      "",
      "1",
      "",
      "",
      "",
      "",
      "",
      "0",
    ]);
    const drawn = heights(lines);
    // Two dots of rounding, in height and in width.
    const [tall, wide] = [2 / 47, (2 * last) / drawn.length];
    const far = drawn.flatMap(([low, high], x) => {
      const step = (x / (drawn.length - 1)) * last;
      const near = Array.from({ length: 9 }, (_, i) => expected(Math.max(0, step + ((i - 4) / 4) * wide)) / 2);
      return low <= Math.max(...near) + tall && high >= Math.min(...near) - tall ? [] : [{ step, low, high }];
    });
    expect(far).toEqual([]);
    expect(Math.max(...lines.map((line) => Array.from(line).length))).toBeLessThanOrEqual(80);
  });

  test("layers stand in their order, with bars in proportion", async () => {
    const { out } = await run(["warm.opt", "--params", "model.json", "--steps", "300"]);
    const bars = out.slice(out.indexOf("lr ratio of Warm, by layer")).trimEnd().split("\n").slice(1);
    expect(bars.map((line) => line.replace(/[\u2588-\u258f]+/, "").split(/\s+/))).toEqual([
      ["embed", "1"],
      ["layers.0", "0.125"],
      ["layers.1", "0.25"],
      ["layers.2", "0.5"],
      ["head", "1"],
    ]);
    const length = (line: string) =>
      [...line.matchAll(/[\u2588-\u258f]/g)].reduce((eighths, [block]) => eighths + 0x2590 - block.charCodeAt(0), 0);
    const whole = length(bars[0]!);
    for (const [i, ratio] of [1, 0.125, 0.25, 0.5, 1].entries()) expect(Math.abs(length(bars[i]!) - ratio * whole)).toBeLessThanOrEqual(1);
    expect(out).toContain("300 steps");
  });
});

describe("as data and as SVG", () => {
  test("JSON holds every step that was asked", async () => {
    const { out } = await run(["warm.opt", "--format", "json", "--params", "model.json"]);
    const [curve, layers] = (JSON.parse(out) as { figures: [CurveFigure, LayerFigure] }).figures;
    expect(curve.steps).toEqual(Array.from({ length: 221 }, (_, k) => k));
    for (const [i, k] of curve.steps.entries()) expect(curve.values[i]).toBeCloseTo(expected(k), 14);
    expect(layers.layers[2]).toEqual({ label: "layers.1", tensors: 2, range: [0.25, 0.25] });
  });

  test("the picture's line goes through the schedule's corners, its bars are in proportion", async () => {
    const { cwd, out, talk } = await run(["warm.opt", "--svg", "plot.svg", "--params", "model.json"]);
    expect([out, talk.trim()]).toEqual(["", "the picture is plot.svg"]);
    const svg = readFileSync(join(cwd, "plot.svg"), "utf8");
    const points = /points="([^"]+)"/
      .exec(svg)![1]!
      .split(" ")
      .map((pair) => pair.split(",").map(Number) as [number, number]);
    const [left, right] = [points[0]![0], points.at(-1)![0]];
    const [bottom, top] = [points[0]![1], Math.min(...points.map(([, y]) => y))];
    const steps = points.map(([x]) => Math.round(((x - left) / (right - left)) * 220));
    expect(steps).toEqual([0, 100, 150, 200, 220]);
    for (const [i, [, y]] of points.entries()) expect(((bottom - y) / (bottom - top)) * 2).toBeCloseTo(expected(steps[i]!), 2);
    const bars = [...svg.matchAll(/class="bar"[^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width));
    expect(bars.map((width) => width / bars[0]!)).toEqual([1, 0.125, 0.25, 0.5, 1]);
  });

  test("names cannot end an element, a script or a line", async () => {
    const name = '</text><script>alert(1)</script>"&\u001b[2J.w';
    const files = {
      "model.json": JSON.stringify([
        { name, shape: [2] },
        { name: "layers.0.w", shape: [2] },
      ]),
    };
    const { out } = await run(["warm.opt", "--svg", "-", "--params", "model.json"], files);
    expect(out).not.toContain("<script");
    expect(out).not.toContain("\u001b");
    expect(out.match(/<svg/g)).toHaveLength(1);
    const text = await run(["warm.opt", "--params", "model.json"], files);
    expect(text.out).not.toContain("\u001b");
  });
});

describe("what is drawn", () => {
  test("schedules of a module, by their exports", async () => {
    const module =
      "export const up = (k) => k / 10;\nexport const peak = 3;\nexport default Object.assign((k) => Math.max(0, 1 - k / 40), { peak: 1 });\n";
    const { out, exitCode } = await run(["rates.mjs", "--format", "json", "--steps", "50"], { "rates.mjs": module });
    expect(exitCode).toBe(0);
    const { figures } = JSON.parse(out) as { figures: CurveFigure[] };
    expect(figures.map(({ title }) => title).sort()).toEqual(["rates.mjs", "up of rates.mjs"]);
    expect(figures.find(({ title }) => title.startsWith("up"))!.values[50]).toBe(5);
  });

  test("rates given by step", async () => {
    const files = {
      "rates.json": JSON.stringify([1, 2, 3, 4]),
      "plain.opt": "optimizer Plain { hyper lr = 1  param <- param - lr * grad }\n",
    };
    const { out } = await run(["plain.opt", "--set", "lr=@rates.json", "--format", "json"], files);
    expect((JSON.parse(out) as { figures: CurveFigure[] }).figures[0]).toMatchObject({
      title: "lr of Plain",
      steps: [0, 1, 2, 3],
      values: [1, 2, 3, 4],
    });
  });

  test("a function is followed as far as it moves, or has a value, or a thousand steps", () => {
    expect(sampleCurve("", (k) => Math.max(0, 1000 - k), null).steps.at(-1)).toBe(1100);
    expect(sampleCurve("", () => 3, null).steps.at(-1)).toBe(10);
    expect(sampleCurve("", (k) => 1 / (k + 1), null).steps.at(-1)).toBe(1000);
    const short = (k: number) => {
      if (k > 77) throw new RangeError("no more");
      return k;
    };
    expect(sampleCurve("", short, null).steps.at(-1)).toBe(77);
    expect(() => sampleCurve("", short, 100)).toThrow("no more");
    expect(sampleCurve("", (k) => k, 1e6).steps).toHaveLength(4000);
  });

  test.each<[string, readonly string[], Record<string, string>, string]>([
    [
      "no schedule",
      ["plain.opt"],
      { "plain.opt": "optimizer Plain { hyper lr = 1  param <- param - lr * grad }\n" },
      "there is nothing to draw: plain.opt has no schedule",
    ],
    ["no steps", ["warm.opt", "--steps", "0"], {}, "--steps 0: this is no number of steps"],
    ["an absent file", ["nowhere.opt"], {}, "cannot read nowhere.opt"],
    ["a module without schedules", ["a.mjs"], { "a.mjs": "export const a = 1;" }, "a.mjs exports no schedule"],
    ["a module that fails", ["a.mjs"], { "a.mjs": "throw new Error('no');" }, "a.mjs fails when it is run: no"],
    ["no number", ["a.mjs"], { "a.mjs": "export const a = (k) => (k < 5 ? 1 : Number.NaN);" }, "a.mjs: a gives NaN at step 5"],
    [
      "more steps than values",
      ["warm.opt", "--set", "lr=@two.json", "--steps", "5"],
      { "two.json": "[1, 2]" },
      "two.json has 2 values of lr; step 3 needs one more",
    ],
    ["out of range", ["warm.opt", "--set", "lr=-1"], {}, "lr must be in [0, inf), not -1"],
    [
      "rules that do not fit",
      ["warm.opt", "--params", "p.json"],
      { "p.json": JSON.stringify([{ name: "a", shape: [2] }]) },
      "matches no parameter",
    ],
  ])("refused: %s", async (_, args, files, message) => {
    const { exitCode, talk } = await run(args, files);
    expect(talk).toContain(message);
    expect(exitCode).toBeGreaterThan(0);
  });

  test("a spec with errors shows them", async () => {
    const { exitCode, talk } = await run(["bad.opt"], {
      "bad.opt": "optimizer Bad { hyper lr = 1  schedule lr = 0 -> 1 cosin 10  param <- param - lr * grad }\n",
    });
    expect(exitCode).toBe(1);
    expect(talk).toContain("there is no ramp `cosin`");
  });
});
