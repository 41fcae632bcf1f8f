// What is known while one optimizer is checked: its declarations, the places that use them, and the scopes of local names.
// Tables are Maps, so a name such as `__proto__` is a name like any other.

import type { Extent, Stage } from "../ir/extent.js";
import type { ValueType } from "../ir/ops.js";
import type { SourceText, Span } from "../source.js";
import type { FunctionDecl } from "../syntax/ast.js";
import type { CheckReporter } from "./report-once.js";
import type { HyperSpec, OptionSpec, StateSpec, TypedExpr } from "./spec.js";

export type HyperInfo = Omit<HyperSpec, "globalBecause"> & { uses: number };
export type OptionInfo = OptionSpec & { uses: number };

export interface StateInfo {
  readonly spec: StateSpec;
  /** False where the text leaves the extent of a host state to be inferred. */
  readonly extentGiven: boolean;
  /** The condition of the text's own: a use must stand under it. */
  readonly when: TypedExpr | null;
  /** Of a transform of the prelude: what the text leaves unused is not its matter. */
  readonly ofLibrary: boolean;
  reads: number;
  writes: number;
}

export interface FunctionInfo {
  readonly decl: FunctionDecl;
  readonly home: "prelude" | "file";
  calls: number;
}

/** A local name. Extent and stage are those of its value at this point of the text. */
export interface Local {
  readonly id: number;
  readonly name: string;
  readonly span: Span;
  readonly type: ValueType | null;
  /** What a rule binds instead of a value: a capture, or the text of an `error`. */
  readonly rule?: { readonly kind: "capture" | "word" | "unbound" | "index" | "error" | "order" | "orderMax"; readonly text: string };
  extent: Extent;
  stage: Stage;
  /** Everything it was ever given, with the conditions that governed that; one source is a definition. Null is an error told elsewhere. */
  readonly sources: (TypedExpr | null)[];
  uses: number;
  /** A declaration reads it: it may not be given a further value. */
  pinned: boolean;
  /** True for what the text defines by `=`: it should be used. */
  readonly computed: boolean;
}

interface Scope {
  readonly parent: Scope | null;
  readonly names: Map<string, Local>;
}

/** Which names an expression sees, and what may be asked of it. */
export type Place = "body" | "default" | "schedule" | "initial" | "when" | "ruleValue" | "ruleCondition" | "orderValue" | "orderCondition";

export function inRules(place: Place): boolean {
  return place === "ruleValue" || place === "ruleCondition" || place === "orderValue" || place === "orderCondition";
}

export interface Fact {
  readonly condition: TypedExpr;
  readonly holds: boolean;
}

export interface Context {
  readonly source: SourceText;
  readonly reporter: CheckReporter;
  readonly hypers: Map<string, HyperInfo>;
  readonly options: Map<string, OptionInfo>;
  readonly states: Map<string, StateInfo>;
  readonly functions: Map<string, FunctionInfo>;
  /** Orders of the rules being checked. */
  readonly orders: Map<string, { readonly span: Span; uses: number }>;
  /** The prelude by itself: its members call each other, not the namesakes of a file. */
  readonly library: ReadonlyMap<string, FunctionInfo>;
  /** Names whose construct has been refused as not available yet: using them says nothing more. */
  readonly refused: Map<string, Span>;
  /** Declared states and hypers, also those further down. */
  readonly declared: Map<string, { readonly what: string; readonly span: Span }>;
  /** Declared names that were used above their declaration: told there, and not once more as unused. */
  readonly early: Set<string>;
  readonly locals: Local[];
  /** How many locals there were when a cell was last written. */
  readonly lastWrite: Map<string, number>;
  readonly globals: Map<string, Span>;
  /** Extents of host states as far as they are inferred: from `model` upwards. */
  readonly hostExtents: Map<string, Extent>;
  /** Nodes checked so far, inlined ones each time. */
  size: number;
  /** Reductions to the model so far: each is a site. */
  sites: number;
}

export interface Env {
  readonly ctx: Context;
  readonly scope: Scope;
  readonly place: Place;
  /** Inside a `fn` or `transform`: no states, no locals of the caller. */
  readonly inFunction: boolean;
  /** Inside a `transform`: its own states in full, by their names in its text. */
  readonly own: Map<string, string> | null;
  /** What the value at hand is bound to, the instances around it first: a transform's states are named so. */
  readonly binding: readonly string[];
  /** The instance being inlined. */
  readonly instance: readonly string[];
  readonly facts: readonly Fact[];
  /** The call that a member of the prelude is inlined for: messages point there. */
  readonly at: Span | null;
  readonly depth: number;
  /** Functions being inlined, outermost first. */
  readonly calls: readonly string[];
}

/** Where a message about this node points. */
export function placeOf(node: { readonly span: Span }, env: Env): Span {
  return env.at ?? node.span;
}

export function inner(env: Env): Env {
  return { ...env, scope: { parent: env.scope, names: new Map() } };
}

export function findLocal(scope: Scope | null, name: string): Local | null {
  for (let at = scope; at !== null; at = at.parent) {
    const local = at.names.get(name);
    if (local !== undefined) return local;
  }
  return null;
}

/** Names visible from a scope, for suggestions. */
export function localNames(scope: Scope | null): string[] {
  const names: string[] = [];
  for (let at = scope; at !== null; at = at.parent) names.push(...at.names.keys());
  return names;
}

/** Adds a local to the scope; a null value is one whose error has been told. */
export function bindLocal(
  env: Env,
  name: string,
  span: Span,
  value: TypedExpr | null,
  more: Partial<Pick<Local, "rule" | "computed">> = {},
): Local {
  const local: Local = {
    id: env.ctx.locals.length,
    name,
    span,
    type: value?.type ?? null,
    extent: value?.extent ?? "model",
    stage: value?.stage ?? "build",
    sources: [value],
    uses: 0,
    pinned: false,
    computed: false,
    ...more,
  };
  env.ctx.locals.push(local);
  env.scope.names.set(name, local);
  return local;
}

/** The one expression that a local stands for, if it was given only one. */
export function definitionOf(ctx: Context, id: number): TypedExpr | null {
  const local = ctx.locals[id];
  return local !== undefined && local.rule === undefined && local.sources.length === 1 ? (local.sources[0] ?? null) : null;
}
