// A report as text for a person.

import type { BuildReport, ModelCost, Report, VariantReport } from "./report.js";

/** Lines of a report; `model` and the bandwidth in GB/s where a parameter list was given. */
export function renderReport({ optimizer, hypers, builds }: Report, model: ModelCost | null, bandwidth: number): readonly string[] {
  const list = (names: readonly string[]) => (names.length === 0 ? "none" : names.join(", "));
  return [
    optimizer,
    `  hypers that may differ per parameter: ${list(hypers.perParameter)}`,
    `  hypers of the whole model: ${list(hypers.global)}`,
    ...builds.flatMap((build) => ["", ...renderBuild(build)]),
    ...(model === null ? [] : ["", ...renderModel(model, builds[0]!, bandwidth)]),
  ];
}

function renderBuild(build: BuildReport): readonly string[] {
  const options = Object.entries(build.options).map(([name, word]) => `${name} = ${word}`);
  const finishes = build.finishes === 0 ? "" : ` and ${plural(build.finishes, "small launch", "small launches")}`;
  const sums = build.sharedSums;
  return [
    options.length === 0 ? "  step" : `  build ${options.join(", ")}`,
    `    ${plural(build.sweeps, "sweep", "sweeps")} over the elements${finishes}`,
    ...build.variants.flatMap(renderVariant),
    `    streamable: ${build.streamable ? "yes, no number of the whole model is needed" : "no, it needs a number of the whole model"}`,
    `    shardable: ${sums.length === 0 ? "yes, shards share nothing" : "yes, where these are reduced over the shards:"}`,
    ...sums.map((sum) => `      ${shortened(sum)}`),
    `    lazy rows: ${lazyRows(build)}`,
    `    operations outside the exact set: ${build.inexact.length === 0 ? "none" : build.inexact.join(", ")}`,
  ];
}

function lazyRows(build: BuildReport): string {
  return build.inBlocks ? "refused, 8-bit numbers come in blocks" : `possible${lazyEffect(build)}`;
}

/** What leaving rows out means, beside a gradient of zeros for them. */
function lazyEffect({ variants, sharedSums, finishes }: BuildReport): string {
  if (sharedSums.length + finishes > 0) return ", and what is reduced is of the rows present; other rows stay as they are";
  const exact = variants.every(({ changedByZeroGradient }) => changedByZeroGradient.length === 0);
  return exact ? ", and the same as a gradient of zeros in the other rows" : ", and another optimizer: other rows stay as they are";
}

function renderVariant({ when, bytes, stateBytes, operations, changedByZeroGradient: changed }: VariantReport): readonly string[] {
  const { read, written } = bytes;
  const where = when === "" ? "" : `where ${when}: `;
  return [
    `    ${where}${read + written} bytes per parameter (${read} read, ${written} written), ${stateBytes} of state, ${operations} operations`,
    `      sparse-exact: ${changed.length === 0 ? "yes" : `no, a gradient of zeros may change ${changed.join(", ")}`}`,
  ];
}

function renderModel(model: ModelCost, { variants }: BuildReport, bandwidth: number): readonly string[] {
  const parts = model.variants.flatMap(({ parameters, elements }, i) =>
    parameters === 0 || variants.length === 1
      ? []
      : [`    ${variants[i]!.when}: ${plural(parameters, "tensor", "tensors")}, ${grouped(elements)} parameters`],
  );
  return [
    `  the model: ${plural(model.parameters, "tensor", "tensors")}, ${grouped(model.elements)} parameters${model.frozen === 0 ? "" : `, ${model.frozen} frozen`}`,
    ...parts,
    `    a step moves ${grouped(model.bytes)} bytes and does ${grouped(model.operations)} operations; states take ${grouped(model.stateBytes)} bytes`,
    `    at ${bandwidth} GB/s no step takes less than ${(model.bytes / bandwidth / 1e6).toPrecision(3)} ms`,
  ];
}

/** Values from the library are long; JSON has them whole. */
const shortened = (text: string) => (text.length <= 100 ? text : `${text.slice(0, 97)}...`);
const plural = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;
const grouped = (n: number) => Math.ceil(n).toLocaleString("en-US");
