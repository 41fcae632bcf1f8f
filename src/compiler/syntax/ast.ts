// The abstract syntax of a `.opt` file. Every node has a span; names have one of their own where a message may point at them.
// The tree covers the whole grammar; the checker says which constructs this version compiles.

import type { SourceText, Span } from "../source.js";

interface Node {
  readonly span: Span;
}

export interface Identifier extends Node {
  readonly name: string;
}

// ---- expressions -----------------------------------------------------------------------------

export type BinaryOperator = "+" | "-" | "*" | "/" | "%" | "@" | "^" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "and" | "or";

export type Reducer = "sum" | "mean" | "max" | "min" | "norm" | "rms" | "dot" | "any";

export interface Argument extends Node {
  readonly name: Identifier | null;
  readonly value: Expr;
  /** 0 before the `;` of the call, 1 after it. */
  readonly half: 0 | 1;
}

export type Expr = Node &
  (
    | { readonly kind: "number"; readonly value: number; readonly text: string }
    | { readonly kind: "string" /** Escapes resolved, except that patterns keep theirs. */; readonly value: string; readonly raw: string }
    | { readonly kind: "name"; readonly name: string }
    | { readonly kind: "member"; readonly object: Expr; readonly member: Identifier }
    | { readonly kind: "index"; readonly object: Identifier; readonly index: Expr }
    | CallExpr
    | { readonly kind: "reduction"; readonly by: Reducer; readonly to: ExtentSyntax | null; readonly args: readonly Expr[] }
    | { readonly kind: "unary"; readonly op: "-" | "not"; readonly operand: Expr }
    | { readonly kind: "binary"; readonly op: BinaryOperator; readonly opSpan: Span; readonly left: Expr; readonly right: Expr }
    | { readonly kind: "if"; readonly condition: Expr; readonly then: Expr; readonly otherwise: Expr }
    | { readonly kind: "pipe"; readonly value: Expr; readonly call: CallExpr }
    /** Stands where the parser recovered; a diagnostic has been reported. */
    | { readonly kind: "missing" }
  );

export interface CallExpr extends Node {
  readonly kind: "call";
  readonly callee: Identifier;
  readonly args: readonly Argument[];
}

export type ExtentSyntax = Node &
  (
    | { readonly kind: "model" | "tensor" | "unit" | "rest" | "row" | "col" | "matrix" | "elem" }
    | { readonly kind: "axis" | "block"; readonly argument: Expr }
    | { readonly kind: "like"; readonly of: Identifier }
  );

// ---- statements --------------------------------------------------------------------------------

export type Statement = Node &
  (
    | { readonly kind: "define"; readonly target: Identifier; readonly value: Expr }
    | { readonly kind: "assign"; readonly target: Identifier; readonly value: Expr }
    | {
        readonly kind: "if";
        readonly condition: Expr;
        readonly then: readonly Statement[];
        readonly otherwise: readonly Statement[] | null;
      }
    | { readonly kind: "every"; readonly period: Expr; readonly from: Expr | null; readonly body: readonly Statement[] }
    | { readonly kind: "repeat"; readonly count: Expr; readonly body: readonly Statement[] }
    | { readonly kind: "return"; readonly value: Expr }
  );

// ---- declarations ------------------------------------------------------------------------------

export interface IntervalSyntax extends Node {
  readonly low: Expr;
  readonly high: Expr;
  readonly lowClosed: boolean;
  readonly highClosed: boolean;
}

export interface HyperDecl extends Node {
  readonly kind: "hyper";
  readonly doc: string | null;
  readonly fixed: boolean;
  readonly name: Identifier;
  readonly type: "number" | "int" | "bool";
  readonly value: Expr;
  readonly interval: IntervalSyntax | null;
}

export interface OptionWord extends Node {
  /** As written: a name or the text of a number. */
  readonly text: string;
}

export interface OptionDecl extends Node {
  readonly kind: "option";
  readonly doc: string | null;
  readonly name: Identifier;
  /** Null for a `true`/`false` option. */
  readonly words: readonly OptionWord[] | null;
  readonly value: OptionWord;
}

export interface StateDecl extends Node {
  readonly kind: "state";
  readonly doc: string | null;
  readonly host: boolean;
  readonly name: Identifier;
  readonly ring: Expr | null;
  readonly extent: ExtentSyntax | null;
  readonly value: Expr;
  readonly when: Expr | null;
}

export interface InputDecl extends Node {
  readonly kind: "input";
  readonly doc: string | null;
  readonly host: boolean;
  readonly name: Identifier;
  readonly extent: ExtentSyntax | null;
}

export interface RuleArmSyntax extends Node {
  readonly optional: boolean;
  /** Null for `else`. */
  readonly condition: Expr | null;
  readonly value: Expr;
}

export interface RuleBlockSyntax extends Node {
  readonly kind: "rules";
  readonly override: boolean;
  readonly verb: "scale" | "set" | "freeze" | "use";
  readonly target: Identifier | null;
  readonly arms: readonly RuleArmSyntax[];
}

export interface OrderArmSyntax extends Node {
  readonly optional: boolean;
  readonly condition: Expr | null;
  /** One component or a tuple; `last` is a name expression. */
  readonly tuple: readonly Expr[];
}

export interface OrderDecl extends Node {
  readonly kind: "order";
  readonly name: Identifier;
  readonly arms: readonly OrderArmSyntax[];
}

export interface SetDecl extends Node {
  readonly kind: "set";
  readonly name: Identifier;
  readonly condition: Expr;
}

export interface StoreEntry extends Node {
  readonly name: Identifier;
  readonly codec:
    | { readonly kind: "f32" | "f16" | "bf16"; readonly master: "f32" | "remainder" | null }
    | { readonly kind: "q8"; readonly sign: "signed" | "unsigned" | null; readonly block: number };
  readonly when: Expr | null;
}

export interface StoreDecl extends Node {
  readonly kind: "store";
  readonly entries: readonly StoreEntry[];
}

export type SchedulePiece = Node &
  (
    | { readonly kind: "ramp"; readonly from: Expr | null; readonly to: Expr; readonly shape: Identifier; readonly steps: Expr }
    | { readonly kind: "hold"; readonly steps: Expr }
  );

export interface ScheduleDecl extends Node {
  readonly kind: "schedule";
  readonly name: Identifier;
  readonly body: Expr | readonly SchedulePiece[];
}

export interface FunctionDecl extends Node {
  readonly kind: "fn" | "transform";
  readonly doc: string | null;
  readonly name: Identifier;
  readonly params: readonly { readonly name: Identifier; readonly half: 0 | 1 }[];
  /** An expression body `= e` is a body of one `return`. */
  readonly body: readonly Item[];
}

export interface EntryDecl extends Node {
  readonly kind: "entry";
  readonly doc: string | null;
  /** "step" for `step from mode { }`. */
  readonly name: Identifier;
  readonly from: Identifier | null;
  readonly body: readonly Item[];
}

export interface WrapDecl extends Node {
  readonly kind: "before" | "after";
  readonly body: readonly Item[];
}

/** A statement inside a body; keeps its own union apart from declarations. */
export interface StatementItem extends Node {
  readonly kind: "statement";
  readonly statement: Statement;
}

export type Item =
  | HyperDecl
  | OptionDecl
  | StateDecl
  | InputDecl
  | RuleBlockSyntax
  | OrderDecl
  | SetDecl
  | StoreDecl
  | ScheduleDecl
  | FunctionDecl
  | EntryDecl
  | WrapDecl
  | StatementItem;

export interface OptimizerDecl extends Node {
  readonly kind: "optimizer";
  readonly doc: string | null;
  readonly name: Identifier;
  /** `optimizer B = A with R, S { }`. */
  readonly base: Identifier | null;
  readonly rulesets: readonly Identifier[];
  readonly body: readonly Item[];
}

export interface RulesetDecl extends Node {
  readonly kind: "ruleset";
  readonly doc: string | null;
  readonly name: Identifier;
  readonly body: readonly Item[];
}

export interface Ast {
  readonly source: SourceText;
  readonly declarations: readonly (OptimizerDecl | RulesetDecl | FunctionDecl)[];
}
