// Extents by their words, wherever they stand.

import { nearest } from "../../nearest-names.js";
import type { Span } from "../source.js";
import type { Expr, ExtentSyntax } from "./ast.js";
import type { Building } from "./building.js";

const PLAIN = ["model", "tensor", "unit", "rest", "row", "col", "matrix", "elem"] as const;
const SIZED = ["axis", "block"] as const;

/** The extent of a word and its argument; null where there is none such, which has been reported. */
export function extentOf(build: Building, name: string, span: Span, argument: Expr | null): ExtentSyntax | null {
  const plain = PLAIN.find((kind) => kind === name);
  if (plain !== undefined && argument === null) return { kind: plain, span };
  const sized = SIZED.find((kind) => kind === name);
  if (sized !== undefined && argument !== null) return { kind: sized, argument, span };
  build.reporter.report("unknown-extent", { name, needsArgument: sized !== undefined, near: nearest(name, [...PLAIN, ...SIZED]) }, span);
  return null;
}

/** The extent in the bracket of a reduction, which was read as an expression. */
export function extentOfExpr(build: Building, expr: Expr): ExtentSyntax | null {
  if (expr.kind === "missing") return null;
  if (expr.kind === "call" && expr.args.length === 1 && expr.args[0]!.name === null) {
    return extentOf(build, expr.callee.name, expr.span, expr.args[0]!.value);
  }
  return extentOf(build, build.source.text.slice(expr.span.from, expr.span.to), expr.span, null);
}
