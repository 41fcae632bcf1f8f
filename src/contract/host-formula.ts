// Formulas that the host evaluates in f64, as data: arguments stand before their users, a formula is an index into a table.
// Booleans are 0 and 1. `src/formula/evaluate.ts` is their one evaluator.

export type HostOp =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "neg"
  | "abs"
  | "sqrt"
  | "min"
  | "max"
  | "sign"
  | "floor"
  | "ceil"
  | "bf16"
  | "isfinite"
  | "lt"
  | "le"
  | "eq"
  | "and"
  | "or"
  | "not"
  | "pow"
  | "exp"
  | "log"
  | "tanh"
  | "cbrt"
  | "atan2"
  | "softplus";

export type HostFact = "t" | "step" | "rank" | "numel" | "rows" | "cols" | "modelNumel" | "index";

export type HostValue =
  /** Infinities and NaN are spelled "inf", "-inf", "nan" so that the table survives JSON. */
  | { readonly op: "literal"; readonly value: number | "inf" | "-inf" | "nan" }
  | { readonly op: "hyper"; readonly hyper: string; readonly form: "value" | "peak" | "base" | "ratio" }
  | { readonly op: "fact"; readonly fact: HostFact }
  | { readonly op: "shape"; readonly axis: number }
  | { readonly op: "hostState"; readonly state: string }
  /** In rules only: a number captured from the parameter's name. */
  | { readonly op: "capture"; readonly capture: string }
  /** In rules only: the rank of an `order`, or its greatest. */
  | { readonly op: "order"; readonly order: string; readonly form: "rank" | "max" }
  /** In rules only: `error("...")`. */
  | { readonly op: "error"; readonly message: string }
  | { readonly op: "apply"; readonly fn: HostOp; readonly args: readonly number[] }
  /** Only the taken side is evaluated. */
  | { readonly op: "select"; readonly args: readonly [condition: number, then: number, otherwise: number] };

export type FormulaTable = readonly HostValue[];
/** Index into the table it belongs to. */
export type Formula = number;
