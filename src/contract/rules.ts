// Rules over parameter names as plain data: made by the compiler, resolved by `src/rules/` in both wings.

import type { Formula, FormulaTable } from "./host-formula.js";
import type { HyperInfo } from "./manifest.js";

/** A part of one segment of a pattern. */
export type PatternPart =
  | { readonly kind: "text"; readonly text: string }
  /** `*`: any text, also none; `?`: one code point. */
  | { readonly kind: "star" }
  | { readonly kind: "question" }
  | { readonly kind: "alternatives"; readonly choices: readonly (readonly PatternPart[])[] }
  /** `{n}`, `{n: 0..11}`: a maximal run of ASCII digits. */
  | { readonly kind: "number"; readonly name: string; readonly low: number | null; readonly high: number | null }
  /** `{w: word}`: a text that is not empty. */
  | { readonly kind: "word"; readonly name: string };

/** "rest" is `**`: zero or more whole segments. */
export type PatternSegment = { readonly kind: "rest" } | { readonly kind: "parts"; readonly parts: readonly PatternPart[] };

export interface Pattern {
  /** As written between the quotes. */
  readonly text: string;
  readonly fromStart: boolean;
  readonly toEnd: boolean;
  readonly segments: readonly PatternSegment[];
}

export type CompareOp = "==" | "!=" | "<" | "<=" | ">" | ">=";

export type Condition =
  | { readonly kind: "pattern"; readonly pattern: Pattern }
  | { readonly kind: "contains"; readonly text: string }
  /** Holds for no operator where `rows`, `cols` or `shape[i]` does not exist. */
  | { readonly kind: "compare"; readonly op: CompareOp; readonly left: Formula; readonly right: Formula }
  | { readonly kind: "dtype"; readonly op: "==" | "!="; readonly dtype: string }
  | { readonly kind: "and" | "or"; readonly terms: readonly Condition[] }
  | { readonly kind: "not"; readonly term: Condition };

export interface RuleArm {
  /** 1-based place in the spec, and the arm's own text for tables. */
  readonly line: number;
  readonly column: number;
  readonly text: string;
  readonly optional: boolean;
  /** Null for `else`. */
  readonly condition: Condition | null;
  readonly value: Formula;
  /** In `use` blocks only, in place of the value. */
  readonly use?: UseChoice;
}

/** `AdamW(lr = 3e-4)`, or `this`. */
export interface UseChoice {
  /** Null: this optimizer. */
  readonly optimizer: string | null;
  /** Peaks of the other optimizer's hypers. */
  readonly peaks: readonly { readonly hyper: string; readonly value: Formula }[];
}

export interface OrderArm {
  readonly line: number;
  readonly column: number;
  readonly text: string;
  /** Absent: the arm must match something. */
  readonly optional?: true;
  /** Null for `else`. */
  readonly condition: Condition | null;
  readonly tuple: readonly Formula[];
  /** `last` stands after the tuple: joins the greatest tuple that starts with it. */
  readonly last: boolean;
}

/** Ranks every parameter of the model by tuples, densely from 0. */
export interface OrderRule {
  readonly name: string;
  readonly line: number;
  readonly arms: readonly OrderArm[];
}

export interface RuleBlock {
  readonly verb: "scale" | "set" | "freeze" | "use";
  /** The hyper; null for freeze and use. */
  readonly hyper: string | null;
  readonly override: boolean;
  readonly line: number;
  readonly arms: readonly RuleArm[];
}

/** `h - capture` (or `h + c - capture`) inside an exponent: the capture must be below the `int` hyper. */
export interface IndexBound {
  readonly capture: string;
  readonly hyper: string;
  /** Which block and arm of the set. */
  readonly block: number;
  readonly arm: number;
}

export interface RuleSet {
  readonly name: string;
  readonly formulas: FormulaTable;
  readonly blocks: readonly RuleBlock[];
  readonly bounds: readonly IndexBound[];
  /** Hypers read in a condition or an order: fixed at registration. */
  readonly fixedByConditions: readonly string[];
  /** Absent where there are none. */
  readonly orders?: readonly OrderRule[];
}

/** A `ruleset` by itself: any optimizer can take it. */
export interface RulesetModule extends RuleSet {
  /** Its own hypers; their defaults are formulas of `formulas`. One that an optimizer has too is the optimizer's. */
  readonly hypers: readonly HyperInfo[];
  /** Hypers of the optimizer that it decides or reads. */
  readonly requires: readonly string[];
}

/** A parameter as rules see it. */
export interface ParamInfo {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly shape: readonly number[];
  /** safetensors spelling, e.g. "F32". */
  readonly dtype?: string;
}
