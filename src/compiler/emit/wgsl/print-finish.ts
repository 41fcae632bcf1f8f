// A finish in WGSL: one workgroup for the whole model. Partials come to numbers of tensors; then, round by round, each tensor's body, the
// totals, and the model's body. A barrier stands between all of them: what one invocation has stored another one reads.

import { WORKGROUP } from "../../../contract/manifest.js";
import type { Fold, Round, ScalarBody, Total } from "../../passes/plan.js";
import type { PlannedBuild } from "../files.js";
import type { FinishPlace } from "../sweeps.js";
import { scalarFunction } from "./body.js";
import { FEW_PIECES, nothingOf } from "./scalars.js";

/** The functions of a finish: one for each body, then the entry point, which `start` begins. */
export function printFinish(
  build: PlannedBuild,
  { name, program, finish }: FinishPlace,
): { bodies: string[]; entryPoint: (start: string) => string } {
  const rowVectors = program.rowWidth / 4;
  const bodies = finish.rounds.flatMap(({ tensor, model }, round) => [
    ...bodyFunctions(build, program, tensor, bodyName(name, "tensor", round), "tensor"),
    ...bodyFunctions(build, program, model, bodyName(name, "model", round), "model"),
  ]);
  const workSpace = (build.info.scalars?.partial ?? 0) - 1;
  const steps = [
    ...foldSteps(finish.folds, rowVectors),
    ...finish.rounds.flatMap((round, number) => roundSteps(round, { name, number, rowVectors, workSpace })),
  ];
  const entryPoint = (start: string) => `@compute @workgroup_size(${WORKGROUP})
fn ${name}(@builtin(local_invocation_index) lane: u32) {
  let count = tensors[0].x;${start}
${steps.join("\n  storageBarrier();\n")}
}`;
  return { bodies, entryPoint };
}

const bodyName = (finish: string, of: "tensor" | "model", round: number) => `${finish}_${of}${round}`;

function bodyFunctions(
  build: PlannedBuild,
  program: FinishPlace["program"],
  bodies: readonly (ScalarBody | null)[],
  name: string,
  of: "tensor" | "model",
): string[] {
  return bodies.flatMap((body, variant) =>
    body === null ? [] : [scalarFunction({ build, program, variant, name: `${name}_variant${variant}` }, of, body)],
  );
}

/** Each invocation folds tensors of few pieces; all of them together the others. */
function foldSteps(folds: readonly Fold[], rowVectors: number): string[] {
  if (folds.length === 0) return [];
  const few = folds.map(
    ({ partial, by, slot }) => `      scalars[tensor_scalar(tensor, ${slot}u)] = fold_${by}(partial_place(tensor, ${partial}u), pieces);`,
  );
  const many = folds.flatMap(({ partial, by, slot }) => [
    `      fold_${by}_together(partial_place(tensor, ${partial}u), pieces, lane);`,
    `      if (lane == 0u) { scalars[tensor_scalar(tensor, ${slot}u)] = scalars[partial_place(tensor, ${partial}u)]; }`,
  ]);
  const guarded = (condition: string, lines: readonly string[]) => [
    "    let pieces = tensors[tensor + 1u].y;",
    `    if (${condition} && !is_idle(tensors[tensor + 1u].z * ${rowVectors}u)) {`,
    ...lines,
    "    }",
    "  }",
  ];
  return [
    [
      `  for (var tensor = lane; tensor < count; tensor += ${WORKGROUP}u) {`,
      ...guarded(`pieces <= ${FEW_PIECES}u`, few),
      "  // A tensor of many pieces has as many places more than one.",
      `  for (var tensor = 0u; tensor < count && tensors[0].y - count >= ${FEW_PIECES}u; tensor++) {`,
      ...guarded(`pieces > ${FEW_PIECES}u`, many),
    ].join("\n"),
  ];
}

interface RoundPlace {
  readonly name: string;
  readonly number: number;
  /** Vectors of a row. */
  readonly rowVectors: number;
  /** The partial slot in which totals are made. */
  readonly workSpace: number;
}

function roundSteps({ tensor, totals, model }: Round, place: RoundPlace): string[] {
  return [...tensorSteps(tensor, place), ...totals.flatMap((total) => totalSteps(total, place)), ...modelSteps(model, place)];
}

function tensorSteps(bodies: readonly (ScalarBody | null)[], { name, number, rowVectors }: RoundPlace): string[] {
  const cases = casesOf(bodies, (variant) => `${bodyName(name, "tensor", number)}_variant${variant}(tensor, row);`);
  if (cases.length === 0) return [];
  return [
    `  for (var tensor = lane; tensor < count; tensor += ${WORKGROUP}u) {
    let row = tensors[tensor + 1u].z * ${rowVectors}u;
    switch (u32(rows[row].x)) {
${cases.join("\n")}
      default: {}
    }
  }`,
  ];
}

/** A tensor that takes no part counts as nothing. */
function totalSteps({ by, from, slot }: Total, { rowVectors, workSpace }: RoundPlace): string[] {
  const work = `partial_place(0u, ${workSpace}u)`;
  return [
    `  for (var tensor = lane; tensor < count; tensor += ${WORKGROUP}u) {
    let given = scalars[tensor_scalar(tensor, ${from}u)];
    scalars[${work} + tensor] = select(given, ${nothingOf(by)}.x, is_idle(tensors[tensor + 1u].z * ${rowVectors}u));
  }`,
    `  fold_${by}_together(${work}, count, lane);
  if (lane == 0u) { scalars[${slot}u] = scalars[${work}]; }`,
  ];
}

/** By the row of the first tensor that takes part. */
function modelSteps(bodies: readonly (ScalarBody | null)[], { name, number, rowVectors }: RoundPlace): string[] {
  const cases = casesOf(bodies, (variant) => `${bodyName(name, "model", number)}_variant${variant}(row);`);
  if (cases.length === 0) return [];
  return [
    `  if (lane == 0u) {
    for (var tensor = 0u; tensor < count; tensor++) {
      let row = tensors[tensor + 1u].z * ${rowVectors}u;
      if (is_idle(row)) { continue; }
      switch (u32(rows[row].x)) {
${cases.map((line) => `  ${line}`).join("\n")}
        default: {}
      }
      break;
    }
  }`,
  ];
}

function casesOf(bodies: readonly (ScalarBody | null)[], call: (variant: number) => string): string[] {
  return bodies.flatMap((body, variant) => (body === null ? [] : [`      case ${variant}u: { ${call(variant)} }`]));
}
