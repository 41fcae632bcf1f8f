// How far a replay is from somebody else's numbers, tensor by tensor over all recorded steps.

import { readFloat64, type Tensor } from "../runtime/state/safetensors.js";
import { RunError, splitStep } from "./run-file.js";

export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

export interface ComparedTensor {
  /** `param/w1` or `state/w1/moment1`: the tensor of all its steps. */
  readonly name: string;
  readonly steps: number;
  /** The largest |ours - theirs|. */
  readonly absolute: number;
  /** The largest |ours - theirs| of a step, over how far the tensor had moved from its start by then. */
  readonly relativeToMovement: number;
  /** The largest distance in units in the last place of the coarser of the two formats. */
  readonly ulps: number;
  /** The first step with an element outside `atol + rtol * |theirs|`, or null. */
  readonly firstDeviation: number | null;
}

export interface CompareOptions {
  readonly tolerance: Tolerance | null;
  /** Their state names by ours, where they differ. */
  readonly names: ReadonlyMap<string, string>;
  /** Where there are values of a float64 run (`param64/`), compare with those. */
  readonly wide: boolean;
}

/**
 * Tolerances for a trajectory: f32 against another implementation's f32; f64 against f64. Unless a caller gives his own, `atol` is at
 * most a hundredth of the tensor's movement: a fixed one would pass any optimizer whose steps are small.
 */
const DEFAULT_TOLERANCE = { F32: { rtol: 6.5e-6, atol: 5e-5 }, F64: { rtol: 1e-9, atol: 1e-12 } } as const satisfies Record<
  string,
  Tolerance
>;

interface Pair {
  readonly step: number;
  readonly ours: Tensor;
  readonly theirs: Tensor;
}

/** The steps whose values a gold file holds. */
export function goldSteps(gold: ReadonlyMap<string, Tensor>): ReadonlySet<number> {
  const steps = [...gold.keys()].map((key) => (splitStep(key, "param") ?? splitStep(key, "param64") ?? splitStep(key, "state"))?.step);
  return new Set(steps.filter((step) => step !== undefined));
}

/** Compares every tensor of every recorded step that both have. `initial` gives the parameters' start, from which movement is counted. */
export function compareRuns(
  ours: ReadonlyMap<string, Tensor>,
  theirs: ReadonlyMap<string, Tensor>,
  initial: ReadonlyMap<string, Float32Array>,
  options: CompareOptions,
): readonly ComparedTensor[] {
  const recorded = new Set([...ours.keys()].map((key) => splitStep(key, "param")?.step));
  const pairs = new Map<string, Pair[]>();
  for (const [key, gold] of theirs) {
    const place = placeOf(key, theirs, options);
    if (place === null || !recorded.has(place.step)) continue;
    const mine = ours.get(`${place.kind}/${place.step}/${place.name}`);
    if (mine === undefined && place.kind === "state") continue;
    if (mine === undefined)
      throw new RunError(`the gold file holds ${JSON.stringify(key)}, which the replay has not`, "is it the gold of another run?");
    if (mine.shape.join() !== gold.shape.join() && (numel(mine) !== 1 || numel(gold) !== 1))
      throw new RunError(
        `${JSON.stringify(key)} has shape [${gold.shape.join(", ")}] in the gold file, [${mine.shape.join(", ")}] here`,
        "is it the gold of another run?",
      );
    const name = `${place.kind}/${place.name}`;
    pairs.set(name, [...(pairs.get(name) ?? []), { step: place.step, ours: mine, theirs: gold }]);
  }
  if (pairs.size === 0)
    throw new RunError("the gold file holds no step that was replayed", "record param/<step>/<param>, or replay more steps");
  const sorted = [...pairs].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([name, list]) =>
    compareTensor(
      name,
      list.sort((a, b) => a.step - b.step),
      initial,
      options.tolerance,
    ),
  );
}

/** What a comparison leaves out: states of the gold that have no counterpart here, and our parameters that the gold lacks. */
export function leftOut(
  ours: ReadonlyMap<string, Tensor>,
  theirs: ReadonlyMap<string, Tensor>,
  names: ReadonlyMap<string, string>,
): { readonly states: readonly string[]; readonly params: readonly string[] } {
  const last = (text: string): string => text.slice(text.lastIndexOf("/") + 1);
  const partsOf = (run: ReadonlyMap<string, Tensor>, kind: string) => [...run.keys()].flatMap((key) => splitStep(key, kind)?.rest ?? []);
  const mine = new Set(partsOf(ours, "state").map(last));
  const states = new Set(partsOf(theirs, "state").map(last));
  const params = new Set([...partsOf(theirs, "param"), ...partsOf(theirs, "param64")]);
  return {
    states: [...states].filter((state) => !mine.has(names.get(state) ?? state)),
    params: [...new Set(partsOf(ours, "param"))].filter((param) => !params.has(param)),
  };
}

function numel(tensor: Tensor): number {
  return tensor.shape.reduce((product, size) => product * size, 1);
}

interface Place {
  readonly kind: "param" | "state";
  readonly step: number;
  /** In our names. */
  readonly name: string;
}

function placeOf(key: string, theirs: ReadonlyMap<string, Tensor>, options: CompareOptions): Place | null {
  const wide = splitStep(key, "param64");
  if (wide !== null) return options.wide ? { kind: "param", step: wide.step, name: wide.rest } : null;
  const param = splitStep(key, "param");
  if (param !== null)
    return options.wide && theirs.has(`param64/${param.step}/${param.rest}`) ? null : { kind: "param", step: param.step, name: param.rest };
  const state = splitStep(key, "state");
  if (state === null) return null;
  const cut = state.rest.lastIndexOf("/");
  const theirName = state.rest.slice(cut + 1);
  return { kind: "state", step: state.step, name: state.rest.slice(0, cut + 1) + (options.names.get(theirName) ?? theirName) };
}

function compareTensor(
  name: string,
  pairs: readonly Pair[],
  initial: ReadonlyMap<string, Float32Array>,
  given: Tolerance | null,
): ComparedTensor {
  const start = name.startsWith("param/") ? initial.get(name.slice("param/".length)) : undefined;
  const sum = { absolute: 0, relativeToMovement: 0, ulps: 0, firstDeviation: null as number | null };
  for (const { step, ours, theirs } of pairs) {
    const wide = ours.dtype === "F64" && theirs.dtype === "F64";
    const [mine, gold] = [readFloat64(ours), readFloat64(theirs)];
    const movement = movementOf(gold, start);
    const usual = DEFAULT_TOLERANCE[wide ? "F64" : "F32"];
    const tolerance = given ?? { ...usual, atol: Math.min(usual.atol, movement / 100) };
    const found = compareStep(mine, gold, tolerance, wide);
    sum.absolute = Math.max(sum.absolute, found.absolute);
    if (found.absolute > 0) sum.relativeToMovement = Math.max(sum.relativeToMovement, found.absolute / movement);
    sum.ulps = Math.max(sum.ulps, found.ulps);
    if (found.outside) sum.firstDeviation ??= step;
  }
  return { name, steps: pairs.length, ...sum };
}

/** How far the tensor's farthest element is from its start (a parameter's initial value, a state's zero). */
function movementOf(values: Float64Array, start: Float32Array | undefined): number {
  let movement = 0;
  for (const [i, value] of values.entries()) if (Number.isFinite(value)) movement = Math.max(movement, Math.abs(value - (start?.[i] ?? 0)));
  return movement;
}

function compareStep(ours: Float64Array, theirs: Float64Array, { rtol, atol }: Tolerance, wide: boolean) {
  const found = { absolute: 0, ulps: 0, outside: false };
  for (let i = 0; i < ours.length; i++) {
    const [a, b] = [ours[i]!, theirs[i]!];
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    const difference = Math.abs(a - b);
    // An infinity or a NaN on one side only is outside any tolerance.
    const apart = Number.isFinite(difference) ? difference : Number.POSITIVE_INFINITY;
    found.absolute = Math.max(found.absolute, apart);
    found.ulps = Math.max(found.ulps, apart === Number.POSITIVE_INFINITY ? apart : ulpsBetween(a, b, wide));
    found.outside ||= apart === Number.POSITIVE_INFINITY || !(apart <= atol + rtol * Math.abs(b));
  }
  return found;
}

const single = new Float32Array(1);
const singleBits = new Int32Array(single.buffer);
const double = new Float64Array(1);
const doubleBits = new BigInt64Array(double.buffer);

/** How many numbers of the format lie between two, counting one of them. */
function ulpsBetween(a: number, b: number, wide: boolean): number {
  return wide ? Number(magnitude(orderOf64(a) - orderOf64(b))) : Math.abs(orderOf32(a) - orderOf32(b));
}

function magnitude(x: bigint): bigint {
  return x < 0n ? -x : x;
}

/** Neighbouring numbers have neighbouring orders, across zero too. */
function orderOf32(x: number): number {
  single[0] = x;
  return singleBits[0]! < 0 ? -(singleBits[0]! & 0x7fffffff) : singleBits[0]!;
}

function orderOf64(x: number): bigint {
  double[0] = x;
  return doubleBits[0]! < 0n ? -(doubleBits[0]! & 0x7fffffffffffffffn) : doubleBits[0]!;
}
