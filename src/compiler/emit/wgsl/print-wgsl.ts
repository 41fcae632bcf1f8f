// The WGSL frame: bindings, one entry point for each sweep and finish, one function per variant. In a sweep a workgroup takes one chunk; its
// row says which variant its class runs. A variant's function reads its coefficients and scalars once, then loops: load everything, compute,
// store everything. What it reduces is left in the chunk's places of partials; what is then stored in blocks has a function of its own.

import { CHUNK_FIELDS, REDUCE_WORKGROUP, WORKGROUP } from "../../../contract/manifest.js";
import { isQuantized } from "../../../numeric/storage-formats.js";
import { usedDeclarations } from "../declarations.js";
import type { PlannedBuild } from "../files.js";
import { launchesOf, passesOf, reduces, type SweepPlace } from "../sweeps.js";
import { sweepFunction } from "./body.js";
import { UNKNOWN_ZERO, wgslDeclarations } from "./dialect.js";
import { formatDeclarations, type MemoryWords, wordsOfMemory } from "./formats.js";
import { printFinish } from "./print-finish.js";
import { elementTest, scalarDeclarations } from "./scalars.js";

const fieldOf = (field: string) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The functions of a launch, and its entry point, which begins with what is given. */
interface Kernel {
  readonly bodies: readonly string[];
  readonly entryPoint: (start: string) => string;
  /** What always is 0, in an entry point. */
  readonly zero: string;
}

/** The kernels of one build; `head` is the comment at the top of the file. */
export function printWgsl(build: PlannedBuild, head: string): string {
  const kernels = launchesOf(build).map((place): Kernel => {
    if (place.kind === "sweep") return { ...printSweep(build, place), zero: "chunk.count >> 31u" };
    return { ...printFinish(build, place), zero: "tensors[1].w" };
  });
  const used = kernels.flatMap(({ bodies, entryPoint }) => [...bodies, entryPoint("")]).join("\n");
  // A spec may call its own things by these names.
  const ofScalars = usedDeclarations(build.info.scalars === null ? elementTest : scalarDeclarations(build.info.scalars), used);
  const words = wordsOfMemory(build.info);
  const declared = usedDeclarations(
    { ...wgslDeclarations, ...formatDeclarations(words.state, mostBlockStores(build)) },
    [used, ...ofScalars.values()].join("\n"),
  );
  const setsZero = declared.has(UNKNOWN_ZERO);
  const printed = kernels.flatMap(({ bodies, entryPoint, zero }) => [
    ...bodies,
    entryPoint(setsZero ? `\n  ${UNKNOWN_ZERO} = ${zero};` : ""),
  ]);
  return `${[head, bindings(build, words), ...declared.values(), ...ofScalars.values(), ...printed].join("\n\n")}\n`;
}

/** The most 8-bit stores in a body. */
function mostBlockStores(build: PlannedBuild): number {
  const { cells } = build.plan.ir;
  const bodies = launchesOf(build).flatMap((place) => (place.kind === "sweep" ? passesOf(place.sweep) : []));
  return Math.max(0, ...bodies.map(({ body }) => body.stores.filter(({ cell }) => isQuantized(cells[cell]!.format)).length));
}

function bindings(build: PlannedBuild, words: MemoryWords): string {
  const infos = build.info.programs.flatMap((program) => program.sweeps);
  const uses = (part: "param" | "grad" | "state") => infos.some(({ reads, writes }) => reads[part] || (part !== "grad" && writes[part]));
  const scalars = infos.some((info) => info.scalars);
  return [
    "// A run of elements of one tensor; offsets in units of 4 elements.",
    `struct Chunk {\n${CHUNK_FIELDS.map((field) => `  ${fieldOf(field)}: u32,`).join("\n")}\n}`,
    "",
    uses("param") && `@group(0) @binding(0) var<storage, read_write> params: array<${words.param}>;`,
    uses("grad") && `@group(0) @binding(1) var<storage, read> grads: array<${words.grad}>;`,
    uses("state") && `@group(0) @binding(2) var<storage, read_write> states: array<${words.state}>;`,
    "@group(0) @binding(3) var<storage, read> chunks: array<Chunk>;",
    "@group(0) @binding(4) var<storage, read> rows: array<vec4f>;",
    scalars && "// The model's slots, for each tensor its slots, then the partial slots with a place for each piece of a tensor.",
    scalars && "@group(0) @binding(5) var<storage, read_write> scalars: array<f32>;",
    scalars &&
      "// [0]: tensors, places of a partial slot, first number of a tensor, first partial. Then each tensor's first place, pieces, row, 0.",
    scalars && "@group(0) @binding(6) var<storage, read> tensors: array<vec4u>;",
  ]
    .filter((line) => line !== false)
    .join("\n");
}

function printSweep(build: PlannedBuild, { name, program, sweep }: SweepPlace): Omit<Kernel, "zero"> {
  const workgroup = reduces(sweep) ? REDUCE_WORKGROUP : WORKGROUP;
  const passes = passesOf(sweep);
  const bodies = passes.map(({ variant, body, suffix }) =>
    sweepFunction({ build, program, variant, name: `${name}${suffix}` }, body, workgroup),
  );
  const cases = sweep.bodies.flatMap((body, variant) => {
    const calls = passes.filter((pass) => pass.variant === variant).map(({ suffix }) => `${name}${suffix}(chunk, row, lane);`);
    return body === null ? [] : [`    case ${variant}u: { ${calls.join(" ")} }`];
  });
  // What a grid has too many would leave nothing where a piece leaves its sum.
  const present = reduces(sweep) ? "\n  if (chunk.count == 0u) { return; }" : "";
  const entryPoint = (start: string) => `@compute @workgroup_size(${workgroup})
fn ${name}(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = workgroup.x + workgroup.y * workgroups.x;
  if (index >= arrayLength(&chunks)) { return; }
  let chunk = chunks[index];${present}${start}
  let row = chunk.row * ${program.rowWidth / 4}u;
  switch (u32(rows[row].x)) {
${cases.join("\n")}
    default: {}
  }
}`;
  return { bodies, entryPoint };
}
