// What the checker hands on: every name resolved, every function inlined, every expression with extent, stage and type.
// Options are still open: a Spec is lowered once for each build. After this stage no pass reports a user error.

import type { Formula } from "../../contract/host-formula.js";
import type { RuleSet } from "../../contract/rules.js";
import type { StorageFormat } from "../../numeric/storage-formats.js";
import type { Extent, Stage } from "../ir/extent.js";
import type { Op, ValueType } from "../ir/ops.js";
import type { HyperForm, Reducer, ScalerRole } from "../ir/value.js";
import type { SourceText, Span } from "../source.js";

export interface Typed {
  readonly extent: Extent;
  readonly stage: Stage;
  readonly type: ValueType;
  readonly span: Span;
}

export type TypedExpr = Typed &
  (
    | { readonly kind: "literal"; readonly value: number }
    | { readonly kind: "hyper"; readonly hyper: string; readonly form: HyperForm }
    /** The chosen number of a numeric option. */
    | { readonly kind: "option"; readonly option: string }
    | { readonly kind: "option-is"; readonly option: string; readonly word: string }
    | { readonly kind: "ambient"; readonly ambient: "t" | "step" | "rank" | "numel" | "rows" | "cols" | "modelNumel" }
    | { readonly kind: "shape"; readonly axis: number }
    /** param, grad, a state or an input; `old`: its value at the start of the call. */
    | { readonly kind: "cell"; readonly cell: string; readonly version: "current" | "old" }
    | { readonly kind: "local"; readonly local: number }
    | { readonly kind: "apply"; readonly op: Op; readonly args: readonly TypedExpr[] }
    | { readonly kind: "select"; readonly condition: TypedExpr; readonly then: TypedExpr; readonly otherwise: TypedExpr }
    /** Over all numbers of the argument's extent. `site` numbers the reductions to the model of a text, each inlined call's its own. */
    | { readonly kind: "reduce"; readonly by: Reducer; readonly to: Extent; readonly arg: TypedExpr; readonly site: number }
    /** An inlined function body. */
    | { readonly kind: "block"; readonly statements: readonly TypedStatement[]; readonly result: TypedExpr }
  );

export type TypedStatement = { readonly span: Span } & (
  | { readonly kind: "define"; readonly local: number; readonly name: string; readonly value: TypedExpr }
  | { readonly kind: "assign-local"; readonly local: number; readonly value: TypedExpr }
  | { readonly kind: "assign-cell"; readonly cell: string; readonly value: TypedExpr }
  | {
      readonly kind: "if";
      readonly condition: TypedExpr;
      readonly then: readonly TypedStatement[];
      readonly otherwise: readonly TypedStatement[];
    }
);

export interface Range {
  /** -Infinity and Infinity where open-ended. */
  readonly low: number;
  readonly high: number;
  readonly lowClosed: boolean;
  readonly highClosed: boolean;
}

export interface HyperSpec {
  readonly name: string;
  readonly doc: string | null;
  readonly type: "number" | "int" | "bool";
  readonly fixed: boolean;
  /** Stage build or setup; may read hypers declared above. */
  readonly value: TypedExpr;
  /** Null: any finite number. */
  readonly range: Range | null;
  /** Set where the hyper flows into a place of extent model: rules for it are refused, naming this place. */
  readonly globalBecause: Span | null;
  readonly span: Span;
}

export interface OptionSpec {
  readonly name: string;
  readonly doc: string | null;
  readonly kind: "words" | "numbers" | "boolean";
  /** Spelled as in the text; "true" and "false" for a boolean. */
  readonly words: readonly string[];
  readonly value: string;
  readonly span: Span;
}

export interface StateSpec {
  readonly name: string;
  readonly doc: string | null;
  readonly home: "host" | "device";
  readonly extent: Extent;
  readonly value: TypedExpr;
  /** Stage build or setup. */
  readonly when: TypedExpr | null;
  /** Absent in states of the text. */
  readonly scaler?: ScalerRole;
  readonly span: Span;
}

/** How `param`, `grad` or a state is kept. */
export interface StoreSpec {
  readonly cell: string;
  readonly format: StorageFormat;
  /** Of `param`. */
  readonly master: "f32" | "remainder" | null;
  /** Stage build or setup; null: always. Elsewhere it is kept in f32. */
  readonly when: TypedExpr | null;
  readonly span: Span;
}

/** What multiplies a hyper. */
export interface ScheduleSpec {
  readonly hyper: string;
  /** Extent model, stage step at the latest; reads peaks of hypers and `step`. */
  readonly value: TypedExpr;
  /** The whole clause. */
  readonly span: Span;
}

export interface Spec {
  readonly source: SourceText;
  readonly name: string;
  readonly doc: string | null;
  readonly hypers: readonly HyperSpec[];
  readonly options: readonly OptionSpec[];
  readonly states: readonly StateSpec[];
  readonly schedules: readonly ScheduleSpec[];
  readonly storage: readonly StoreSpec[];
  readonly body: readonly TypedStatement[];
  readonly rules: RuleSet;
  /** Taken by `with`. */
  readonly rulesets: readonly RuleSet[];
  readonly span: Span;
}

/** A ruleset by itself. */
export interface RulesetSpec {
  readonly source: SourceText;
  readonly name: string;
  readonly doc: string | null;
  /** Its own. */
  readonly hypers: readonly HyperSpec[];
  /** Their defaults, formulas of the rules' table. */
  readonly defaults: readonly Formula[];
  /** Hypers of the optimizer that it decides or reads. */
  readonly requires: readonly string[];
  readonly rules: RuleSet;
  readonly span: Span;
}
