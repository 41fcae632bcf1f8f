// Reading texts in tests: the tree, what was reported and where, and trees as short texts.

import type { Diagnostic } from "../../src/compiler/diagnostics/diagnostic.js";
import { createReporter } from "../../src/compiler/diagnostics/report.js";
import { positionAt } from "../../src/compiler/source.js";
import type { Ast, Expr, ExtentSyntax, Item, Statement } from "../../src/compiler/syntax/ast.js";
import { parse } from "../../src/compiler/syntax/parse.js";

export function read(text: string): { readonly ast: Ast; readonly diagnostics: readonly Diagnostic[] } {
  const source = { path: "test.opt", text };
  const reporter = createReporter(source);
  return { ast: parse(source, reporter), diagnostics: reporter.diagnostics };
}

/** "line:column code" of everything reported. */
export function reported(text: string): string[] {
  return read(text).diagnostics.map(({ code, source, span }) => {
    const { line, column } = positionAt(source, span.from);
    return `${line}:${column} ${code}`;
  });
}

/** The body of `optimizer A { text }`. */
export function itemsOf(text: string): readonly Item[] {
  const { ast, diagnostics } = read(`optimizer A {\n${text}\n}`);
  if (diagnostics.length > 0) throw new Error(`${diagnostics.map((d) => d.message).join("; ")} in ${text}`);
  const [optimizer] = ast.declarations;
  return optimizer?.kind === "optimizer" ? optimizer.body : [];
}

/** The value of `x = text`, as a text with every operation in parentheses. */
export function tree(text: string): string {
  const [item] = itemsOf(`x = ${text}`);
  if (item?.kind !== "statement" || item.statement.kind !== "define") throw new Error(`no definition: ${text}`);
  return show(item.statement.value);
}

export function show(expr: Expr): string {
  switch (expr.kind) {
    case "number":
      return expr.text;
    case "string":
      return JSON.stringify(expr.value);
    case "name":
      return expr.name;
    case "member":
      return `${show(expr.object)}.${expr.member.name}`;
    case "index":
      return `${expr.object.name}[${show(expr.index)}]`;
    case "call": {
      const list = expr.args.map((arg, i) => {
        const separator = i === 0 ? "" : arg.half === 1 && expr.args[i - 1]!.half === 0 ? "; " : ", ";
        return `${separator}${arg.name === null ? "" : `${arg.name.name}=`}${show(arg.value)}`;
      });
      return `${expr.callee.name}(${list.join("")})`;
    }
    case "reduction":
      return `${expr.by}${expr.to === null ? "" : `[${showExtent(expr.to)}]`}<${expr.args.map(show).join(", ")}>`;
    case "unary":
      return `(${expr.op} ${show(expr.operand)})`;
    case "binary":
      return `(${show(expr.left)} ${expr.op} ${show(expr.right)})`;
    case "if":
      return `(if ${show(expr.condition)} then ${show(expr.then)} else ${show(expr.otherwise)})`;
    case "pipe":
      return `(${show(expr.value)} |> ${show(expr.call)})`;
    case "missing":
      return "MISSING";
    default:
      throw new Error(`bug: ${JSON.stringify(expr satisfies never)}`);
  }
}

export function showExtent(extent: ExtentSyntax): string {
  if (extent.kind === "like") return `like ${extent.of.name}`;
  return extent.kind === "axis" || extent.kind === "block" ? `${extent.kind}(${show(extent.argument)})` : extent.kind;
}

export function showStatement(statement: Statement): string {
  const block = (body: readonly Statement[]) => `{ ${body.map(showStatement).join("; ")} }`;
  switch (statement.kind) {
    case "define":
      return `${statement.target.name} = ${show(statement.value)}`;
    case "assign":
      return `${statement.target.name} <- ${show(statement.value)}`;
    case "if":
      return `if ${show(statement.condition)} ${block(statement.then)}${statement.otherwise === null ? "" : ` else ${block(statement.otherwise)}`}`;
    case "every":
      return `every ${show(statement.period)}${statement.from === null ? "" : ` from ${show(statement.from)}`} ${block(statement.body)}`;
    case "repeat":
      return `repeat ${show(statement.count)} ${block(statement.body)}`;
    case "return":
      return `return ${show(statement.value)}`;
    default:
      throw new Error(`bug: ${JSON.stringify(statement satisfies never)}`);
  }
}

/** Without comments, and line ends as blanks: newlines mean nothing. */
export function joined(text: string): string {
  return text.replace(/"(?:\\.|[^"\\\n])*"|\/\/[^\n]*/g, (found) => (found.startsWith("/") ? "" : found)).replaceAll("\n", " ");
}

/** A tree without its places and documentation. */
export function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (value === null || typeof value !== "object") return value;
  const skipped = new Set(["span", "opSpan", "doc", "source"]);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !skipped.has(key))
      .map(([key, inner]) => [key, bare(inner)]),
  );
}
