// Lazy rows: 1,000 rows present in a table of 1,000,000 x 64, AdamW, against the step over all of the table and against the same rows in a
// table of 10,000; then the same with gradients clipped by their norm over the model. What a step costs is to follow the rows, not the table.
// On the CPU and on WebGPU (Dawn in Node, its adapter named). A number of rows as the argument makes the table smaller, for a try.

import { cpu } from "optspec/cpu";
import type { Device } from "optspec/runtime";
import { webgpu } from "optspec/webgpu";
import { AdamW } from "../generated/adamw/adamw.js";
import { openDawn } from "../test/device/webgpu/dawn.js";
import { type Contestant, interleave, publish, type Timing } from "./rounds.js";

const ROWS = Number(process.argv[2] ?? 1_000_000);
const FEW_ROWS = ROWS / 100;
const ROW = 64;
const PRESENT = 1000;
const BYTES = 28;
/** Without a common factor with the tables: no row comes twice, and neighbours are far apart. */
const STRIDE = 7919;

/** As the text stands, or with gradients clipped by the norm of all of them. */
const builds = { plain: {}, clipped: { gradClip: "global_norm", clipNorm: 1 } } as const;
type Build = keyof typeof builds;
const nameOf = (build: Build) => (build === "plain" ? "" : `, ${build}`);

async function byRows(device: Device, rows: number, build: Build): Promise<Contestant> {
  const params = [{ name: "table", shape: [rows, ROW] }];
  const optimizer = await AdamW.create(device, { params, lazyRows: true, ...builds[build] });
  const indices = Int32Array.from({ length: PRESENT }, (_, i) => (i * STRIDE) % rows);
  const values = Float32Array.from({ length: PRESENT * ROW }, (_, i) => Math.cos(i * 1.7));
  return {
    name: `${device.kind}: ${PRESENT} rows of ${rows.toLocaleString("en-US")}${nameOf(build)}`,
    async round(steps) {
      const start = performance.now();
      for (let i = 0; i < steps; i++) await optimizer.step({ gradients: { table: { indices, values } } });
      await optimizer.idle();
      return (performance.now() - start) / 1e3 / steps;
    },
    close: () => optimizer.destroy(),
  };
}

async function whole(device: Device, rows: number, build: Build): Promise<Contestant> {
  const optimizer = await AdamW.create(device, { params: [{ name: "table", shape: [rows, ROW] }], ...builds[build] });
  return {
    name: `${device.kind}: all ${rows.toLocaleString("en-US")} rows${nameOf(build)}`,
    async round(steps) {
      const start = performance.now();
      for (let i = 0; i < steps; i++) await optimizer.step();
      await optimizer.idle();
      return (performance.now() - start) / 1e3 / steps;
    },
    close: () => optimizer.destroy(),
  };
}

/** An adapter in software pays for the barriers of each workgroup that reduces, and there is one for each run of rows. */
const isSlow = ({ kind }: Device, build: Build) => kind === "webgpu" && build === "clipped";

async function measure(device: Device, build: Build) {
  const contestants = [await byRows(device, ROWS, build), await byRows(device, FEW_ROWS, build), await whole(device, ROWS, build)];
  const steps = isSlow(device, build) ? 3 : 20;
  const [rows, few, all] = await interleave(contestants, 5, (c) => (c.name.includes("all") ? 1 : steps));
  for (const { close } of contestants) close?.();
  return { device, build, rows: rows!, few: few!, all: all! };
}

const { gpu, why } = await openDawn();
const devices: Device[] = [await cpu({ threads: 1 })];
if (why === undefined) devices.push(await webgpu({ gpu }));
else console.log(why);
const measured: Awaited<ReturnType<typeof measure>>[] = [];
for (const device of devices) for (const build of ["plain", "clipped"] as const) measured.push(await measure(device, build));

/** Bytes that an element moves: a clip reads its gradient twice. */
const bytesOf = (build: Build) => BYTES + (build === "clipped" ? 4 : 0);
const line = (timing: Timing, elements: number, build: Build, { best }: Timing) => [
  timing.name,
  (timing.best * 1e3).toFixed(3),
  ((elements * bytesOf(build)) / 1e6).toFixed(1),
  `${(timing.best / best).toFixed(2)}x`,
];
publish("sparse-rows", {
  title: `AdamW, lazy rows in a table of ${ROWS.toLocaleString("en-US")} x ${ROW}; ${devices.map(({ name }) => name).join("; ")}`,
  rows: [
    ["contestant", "ms a step", "MB moved", "of the first"],
    ...measured.flatMap(({ build, rows, few, all }) => [
      line(rows, PRESENT * ROW, build, rows),
      line(few, PRESENT * ROW, build, rows),
      line(all, ROWS * ROW, build, rows),
    ]),
  ],
  claims: measured.flatMap(({ device, build, rows, few, all }) => {
    const what = `${device.kind}${nameOf(build)}`;
    const atLeast = isSlow(device, build) ? 2 : 10;
    return [
      { claim: `${what}: a step over all rows, in steps over those present`, measured: all.best / rows.best, atLeast },
      { claim: `${what}: the same rows in a table a hundred times as large`, measured: rows.best / few.best, atMost: 4 },
    ];
  }),
});
process.exit(0);
