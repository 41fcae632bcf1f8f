// Skipped steps and loss scaling for any optimizer, for builds that ask for it: the option `non_finite`. Gradients are divided by a scale
// that the model keeps; where one number of them is not finite, everything stays as it was, the count of steps too. The scale then
// shrinks, and grows after a run of steps without such a number, as PyTorch's GradScaler has it. All of it is device work: what decides
// is a total like any other, and a store that may be skipped selects what was there before.

import type { ScalerRole } from "../ir/value.js";
import type { OptionSpec, Spec, StateSpec, TypedExpr, TypedStatement } from "./spec.js";
import { apply, literal, select } from "./typed.js";

export const NON_FINITE_OPTION = "non_finite";
export const PROPAGATE = "propagate";
const SKIP = "skip";
/** Counts of steps and calls are kept modulo the pages of rows: exact in f32, however long a run is. */
const COUNTED_TO = 16;

const scaler = {
  scale: { name: "loss_scale", value: 1 },
  growth: { name: "loss_scale_growth", value: 1 },
  backoff: { name: "loss_scale_backoff", value: 1 },
  interval: { name: "loss_scale_interval", value: 1 },
  /** Steps taken since the scale changed. */
  streak: { name: "loss_scale_streak", value: 0 },
  taken: { name: "loss_scale_taken", value: 0 },
  calls: { name: "loss_scale_calls", value: 0 },
} as const satisfies Record<ScalerRole, { readonly name: string; readonly value: number }>;
const roles = Object.keys(scaler) as readonly ScalerRole[];

/** The spec with skipped steps; as it was where its own text uses one of the names. */
export function withSkippedSteps(spec: Spec): Spec {
  const own = new Set([...spec.hypers, ...spec.options, ...spec.states].map(({ name }) => name));
  if ([NON_FINITE_OPTION, ...roles.map((role) => scaler[role].name)].some((name) => own.has(name))) return spec;
  const when: TypedExpr = {
    ...{ kind: "option-is", option: NON_FINITE_OPTION, word: SKIP },
    ...{ extent: "model", stage: "build", type: "boolean", span: spec.span },
  };
  const only = (statements: readonly TypedStatement[]): TypedStatement => {
    // biome-ignore lint/suspicious/noThenProperty: the name of the contract
    return { kind: "if", condition: when, then: statements, otherwise: [], span: spec.span };
  };
  return {
    ...spec,
    options: [...spec.options, optionOf(spec)],
    states: [...spec.states, ...statesOf(spec, when)],
    body: [only(begin(spec)), ...spec.body, only([...spec.states.flatMap(keepState), keep("param", "elem", spec), ...updates(spec)])],
  };
}

function optionOf({ span }: Spec): OptionSpec {
  const doc = "What a gradient does that is not finite: it is worked with as it is, or the whole step is skipped. Loss scaling needs skip.";
  return { name: NON_FINITE_OPTION, doc, kind: "words", words: [PROPAGATE, SKIP], value: PROPAGATE, span };
}

function statesOf({ span }: Spec, when: TypedExpr): readonly StateSpec[] {
  return roles.map((role) => {
    const { name, value } = scaler[role];
    return { name, doc: null, home: "device", extent: "model", value: literal(value, span), when, scaler: role, span };
  });
}

function cell(name: string, extent: TypedExpr["extent"], { span }: Pick<Spec, "span">, version: "current" | "old" = "current"): TypedExpr {
  return { kind: "cell", cell: name, version, extent, stage: "device", type: "number", span };
}

const kept = (role: ScalerRole, spec: Spec) => cell(scaler[role].name, "model", spec);

/** Known once all gradients have been read. The text's own locals count from 0, as its sites do; gradient clipping has those down to -3. */
const FOUND = { local: -1, site: -4 } as const;

function found({ span }: Pick<Spec, "span">): TypedExpr {
  return { kind: "local", local: FOUND.local, extent: "model", stage: "device", type: "boolean", span };
}

function begin(spec: Spec): readonly TypedStatement[] {
  const { span } = spec;
  const grad = cell("grad", "elem", spec);
  const inverse = apply("div", [literal(1, span), kept("scale", spec)], span);
  const bad = select(apply("isfinite", [grad], span), literal(0, span), literal(1, span), span);
  const most: TypedExpr = {
    ...{ kind: "reduce", by: "max", to: "model", arg: bad, site: FOUND.site },
    ...{ extent: "model", stage: "device", type: "number", span },
  };
  return [
    { kind: "assign-cell", cell: "grad", value: apply("mul", [grad, inverse], span), span },
    { kind: "define", local: FOUND.local, name: "found_inf", value: apply("lt", [literal(0, span), most], span), span },
  ];
}

function keep(name: string, extent: TypedExpr["extent"], at: Pick<Spec, "span">): TypedStatement {
  const value = select(found(at), cell(name, extent, at, "old"), cell(name, extent, at), at.span);
  return { kind: "assign-cell", cell: name, value, span: at.span };
}

/** What the host keeps it takes back itself. */
function keepState(state: StateSpec): readonly TypedStatement[] {
  if (state.home === "host") return [];
  const statement = keep(state.name, state.extent, state);
  if (state.when === null) return [statement];
  // biome-ignore lint/suspicious/noThenProperty: the name of the contract
  return [{ kind: "if", condition: state.when, then: [statement], otherwise: [], span: state.span }];
}

/** As in torch.amp.GradScaler: a scale that would overflow does not grow. */
function updates(spec: Spec): readonly TypedStatement[] {
  const { span } = spec;
  const num = (value: number) => literal(value, span);
  const of = (role: ScalerRole) => kept(role, spec);
  const next = apply("add", [of("streak"), num(1)], span);
  const isDue = apply("eq", [next, of("interval")], span);
  const grown = apply("mul", [of("scale"), of("growth")], span);
  const larger = select(apply("isfinite", [grown], span), grown, of("scale"), span);
  const counted = (role: ScalerRole) =>
    select(apply("eq", [of(role), num(COUNTED_TO - 1)], span), num(0), apply("add", [of(role), num(1)], span), span);
  const put = (role: ScalerRole, value: TypedExpr): TypedStatement => {
    return { kind: "assign-cell", cell: scaler[role].name, value, span };
  };
  const isFound = found(spec);
  return [
    put("scale", select(isFound, apply("mul", [of("scale"), of("backoff")], span), select(isDue, larger, of("scale"), span), span)),
    put("streak", select(isFound, num(0), select(isDue, num(0), next, span), span)),
    put("taken", select(isFound, of("taken"), counted("taken"), span)),
    put("calls", counted("calls")),
  ];
}
