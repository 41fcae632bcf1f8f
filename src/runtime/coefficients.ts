// The host's part of a step: for each class, which variant it runs and the numbers its kernel needs, computed in f64 and rounded once to
// f32, and the new values of host states. Computing changes nothing but the row page; `commit` makes the step count.

import { type BuildInfo, IDLE_VARIANT, type ProgramInfo, type VariantInfo } from "../contract/manifest.js";
import { createEvaluator, emptyEnvironment, type FormulaEnvironment } from "../formula/evaluate.js";
import { axisLength, shapeFact } from "../rules/facts.js";
import type { ClassTable, ParamClass } from "./classes.js";
import type { Decisions } from "./decisions.js";
import { OptimizerError, quoteSome } from "./errors.js";
import type { Param } from "./settings.js";

/** Step counts and host states, and the formulas over them. */
export interface HostSide {
  /** Completed steps of each parameter, by index. */
  readonly t: Float64Array;
  /** Host states in the build's order, parameter by parameter; one of extent model stands at every parameter. */
  readonly hostStates: Float64Array;
  /** Tells apart parameters that may get different coefficients. */
  classKey(param: number): string;
  /** The variant of a program that a parameter would run now; for its set-up facts. */
  variantAtCreation(program: ProgramInfo, param: number): VariantInfo;
  /** Fills the rows of a table for a program. `step`: completed steps, this one included. Throws, leaving counts and host states alone. */
  compute(program: ProgramInfo, table: ClassTable, step: number): void;
  /** Takes over what the last `compute` found: step counts and host states. */
  commit(table: ClassTable): void;
  /** Takes the last `commit` back. */
  undo(): void;
}

export interface HostSideParts {
  readonly build: BuildInfo;
  readonly params: readonly Param[];
  readonly decisions: Decisions;
}

/** The one parameter and moment that formulas are evaluated for. */
interface Subject {
  param: number;
  t: number;
}

export function createHostSide({ build, params, decisions }: HostSideParts): HostSide {
  const count = params.length;
  const width = build.hostStates.length;
  const t = new Float64Array(count);
  // A host state of extent model has its one value at every parameter, so that reading is alike.
  const hostState = new Float64Array(count * width);
  const nextState = new Float64Array(count * width);
  const previousT = new Float64Array(count);
  const previousState = new Float64Array(count * width);
  const stateIndex = new Map(build.hostStates.map(({ name }, index) => [name, index]));
  const staticKeys = params.map((_, param) => decisions.key(param));
  const subject: Subject = { param: 0, t: 0 };
  const evaluator = createEvaluator(build.host);
  const environment = createEnvironment(subject, params, decisions, (name) => hostState[subject.param * width + stateIndex.get(name)!]!);

  function begin(param: number, ownT: number): void {
    subject.param = param;
    subject.t = ownT;
    decisions.compute(param, ownT);
    evaluator.begin(environment);
  }

  function pick(program: ProgramInfo): number {
    for (let v = 0; v < program.variants.length; v++) {
      const { when } = program.variants[v]!;
      let fits = true;
      for (let i = 0; fits && i < when.length; i++) fits = (evaluator.value(when[i]!.condition) !== 0) === when[i]!.is;
      if (fits) return v;
    }
    throw new Error(`bug: no variant of ${program.entry} fits ${params[subject.param]!.name}`);
  }

  function computeClass(program: ProgramInfo, { members, row }: ParamClass, rows: Float32Array): void {
    const param = members[0]!;
    begin(param, program.entry === "init" ? 0 : t[param]! + 1);
    const number = pick(program);
    const { coefficients, hostStores } = program.variants[number]!;
    const at = row * program.rowWidth;
    rows[at] = number;
    for (let i = 0; i < coefficients.length; i++) {
      const { name, value } = coefficients[i]!;
      const exact = evaluator.value(value);
      const rounded = Math.fround(exact);
      if (!Number.isFinite(rounded) || (rounded === 0 && exact !== 0)) throw refuse(exact, name, members);
      rows[at + 1 + i] = rounded;
    }
    for (let i = 0; i < width; i++) nextState[param * width + i] = hostState[param * width + i]!;
    for (let i = 0; i < hostStores.length; i++) {
      const { state, value } = hostStores[i]!;
      nextState[param * width + stateIndex.get(state)!] = evaluator.value(value);
    }
  }

  /** Why a host value may not enter a kernel, where it is rounded to f32. */
  function refuse(value: number, name: string, members: readonly number[]): OptimizerError {
    const why = Number.isFinite(value) ? (Math.fround(value) === 0 ? "rounds to zero in f32" : "overflows f32") : "is not a finite number";
    const whose = quoteSome(
      members.map((member) => params[member]!.name),
      3,
    );
    return new OptimizerError(
      "coefficient",
      `\`${name}\` is ${value} and ${why}, at t = ${subject.t} of ${whose}. Change the hypers it is computed from`,
    );
  }

  /** The model's host states follow the first class that takes part; all parameters see them. */
  function commitModelStates(first: number): void {
    for (let i = 0; i < width; i++) {
      if (build.hostStates[i]!.extent !== "model") continue;
      const value = nextState[first * width + i]!;
      for (let param = 0; param < count; param++) hostState[param * width + i] = value;
    }
  }

  decisions.begin(0);
  for (let param = 0; param < count; param++) {
    begin(param, 0);
    for (let i = 0; i < width; i++) hostState[param * width + i] = evaluator.value(build.hostStates[i]!.init);
  }

  return {
    t,
    hostStates: hostState,
    classKey: (param) => `${staticKeys[param]} t=${t[param]} ${hostState.subarray(param * width, (param + 1) * width).join(" ")}`,
    variantAtCreation(program, param) {
      decisions.begin(1);
      begin(param, 1);
      return program.variants[pick(program)]!;
    },
    compute(program, table, step) {
      decisions.begin(step);
      for (const group of table.classes) {
        if (group.idle) table.rows[group.row * program.rowWidth] = IDLE_VARIANT;
        else computeClass(program, group, table.rows);
      }
    },
    commit(table) {
      previousT.set(t);
      previousState.set(hostState);
      let first = -1;
      for (const { idle, members } of table.classes) {
        if (idle) continue;
        const source = members[0]!;
        if (first === -1) first = source;
        for (const member of members) {
          t[member]!++;
          for (let i = 0; i < width; i++) hostState[member * width + i] = nextState[source * width + i]!;
        }
      }
      if (first !== -1) commitModelStates(first);
    },
    undo() {
      t.set(previousT);
      hostState.set(previousState);
    },
  };
}

function createEnvironment(
  subject: Subject,
  params: readonly Param[],
  { values }: Decisions,
  hostState: (name: string) => number,
): FormulaEnvironment {
  return {
    ...emptyEnvironment,
    hyper: (name, form) => values[form][values.indexOf(name)]!,
    fact(fact) {
      if (fact === "t") return subject.t;
      if (fact === "step" || fact === "modelNumel") return values.given[fact];
      return fact === "index" ? subject.param : shapeFact(params[subject.param]!.shape, fact);
    },
    shape: (axis) => axisLength(params[subject.param]!.shape, axis),
    hostState,
  };
}
