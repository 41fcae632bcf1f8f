// Messages of the syntax room.

import type { Message } from "./diagnostic.js";
import { didYouMean } from "./phrases.js";

type None = Readonly<Record<string, never>>;

/** `U+202E`, never the character itself. */
export function codePointName(codePoint: number): string {
  return `U+${codePoint.toString(16).toUpperCase().padStart(4, "0")}`;
}

const ITEM_NAMES: Readonly<Record<string, string>> = {
  rules: "a rules block",
  statement: "a statement",
  input: "an input",
  option: "an option",
  order: "an order",
  entry: "an entry",
  after: "`after`",
};
const itemName = (item: string) => ITEM_NAMES[item] ?? `a ${item}`;

export const syntaxMessages = {
  // ---- characters and literals ----
  "forbidden-character": ({ codePoint, instead }: { codePoint: number; instead: string | null }): Message => ({
    message: `the character ${codePointName(codePoint)} may not stand here`,
    help:
      instead ??
      (codePoint < 0x7f
        ? "no construct of the language has it"
        : "names take ASCII letters, Greek letters that no Latin one looks like, digits and `_`"),
  }),
  "foreign-sign": ({ sign, instead }: { sign: string; instead: string }): Message => ({
    message: /^[ -~]+$/.test(sign)
      ? `\`${sign}\` is written \`${instead}\` here`
      : `${codePointName(sign.codePointAt(0)!)} is written \`${instead}\` here`,
    help: `write \`${instead}\``,
  }),
  "bad-number": ({ text, fault }: { text: string; fault: "dot-end" | "dot-start" | "name" | "form" }): Message => ({
    message: {
      "dot-end": "a number does not end in a dot",
      "dot-start": "a number does not begin with a dot",
      name: "a name does not begin with a digit, and a number and a name do not touch",
      form: `\`${text.slice(0, 40)}\` is not a number`,
    }[fault],
    help: {
      "dot-end": `write \`${text.slice(0, -1)}\` or \`${text}0\``,
      "dot-start": `write \`0${text}\``,
      name: `to multiply, write \`${/^[\d.]+/.exec(text)?.[0] ?? ""} * ${text.replace(/^[\d.]+/, "")}\``,
      form: "numbers are decimal: `12`, `0.5`, `1e-8`",
    }[fault],
  }),
  "unclosed-string": (_: None): Message => ({ message: "this string does not end on its line", help: 'close it with `"`' }),
  "string-quotes": (_: None): Message => ({ message: "strings stand between straight double quotes", help: 'write `"..."`' }),
  "bad-escape": ({ text }: { text: string }): Message => ({
    message: `\`${text}\` is not an escape`,
    help: 'a character by its number is `\\u{3B2}`: one to six hexadecimal digits; others are `\\"`, `\\\\`, `\\n`, `\\t`',
  }),
  "comment-sign": (_: None): Message => ({ message: "a comment begins with `//`", help: "write `// ...` to the end of the line" }),
  "lost-to-comment": ({ left, right }: { left: string; right: string }): Message => ({
    message: "`//` begins a comment, so the rest of this line is lost",
    help: `to divide and round down, write \`floor(${left} / ${right})\``,
  }),
  "maybe-lost-to-comment": ({ left, right }: { left: string; right: string }): Message => ({
    severity: "warning",
    message: "`//` begins a comment: this does not divide",
    help: `to divide and round down, write \`floor(${left} / ${right})\`; for a remark, add a word`,
  }),

  // ---- what stands where ----
  "unexpected-token": ({ expected, found }: { expected: string; found: string }): Message => ({
    message: expected === "" ? `${found} does not fit here` : `expected ${expected}, found ${found}`,
  }),
  "missing-expression": ({ after }: { after: string }): Message => ({
    message: `an expression is missing after ${after}`,
    caption: "here",
  }),
  "expected-expression": ({ found }: { found: string }): Message => ({ message: `expected an expression, found ${found}` }),
  "unknown-item": ({ word, near }: { word: string; near: readonly string[] }): Message => ({
    message: `no declaration or statement begins with \`${word}\` in this form`,
    help: didYouMean(near) ?? "a statement is `name = expression`, `name <- expression`, `if`, `every`, `repeat` or `return`",
  }),
  "incomplete-item": ({ word, form }: { word: string; form: string }): Message => ({
    message: `this \`${word}\` is not complete`,
    help: `write \`${form}\``,
  }),
  "assigned-element": ({ name }: { name: string }): Message => ({
    message: "only a name can be given a value",
    help: `a ring takes its newest value by \`${name} <- ...\`, and \`${name}[0]\` reads it`,
  }),
  "outside-declaration": ({ found }: { found: string }): Message => ({
    message: `${found} stands outside of every declaration`,
    help: "a file holds `optimizer`, `ruleset`, `fn` and `transform`; everything else stands between the `{ }` of one of them",
  }),
  "unclosed-bracket": ({ bracket, close }: { bracket: string; close: string }): Message => ({
    message: `this \`${bracket}\` is never closed`,
    help: `add a \`${close}\``,
  }),
  "unmatched-bracket": ({ bracket }: { bracket: string }): Message => ({
    message: `this \`${bracket}\` closes nothing`,
    help: "remove it",
  }),
  "call-gap": ({ name }: { name: string }): Message => ({
    message: "the `(` of a call touches the name",
    help: `write \`${name}(...)\`; to multiply, write \`${name} * (...)\``,
  }),
  "bracket-gap": ({ name }: { name: string }): Message => ({
    message: "the `[` of an index or a reduction touches the name",
    help: `write \`${name}[...]\``,
  }),
  "missing-braces": (_: None): Message => ({ message: "a statement stands between braces here", help: "write `{ ... }`" }),
  "stray-else": (_: None): Message => ({
    message: "this `else` belongs to no `if`",
    help: "`else` stands right behind the `}` of an `if`",
  }),
  "then-in-statement": (_: None): Message => ({
    message: "`if ... then ... else ...` is an expression; a statement takes braces",
    help: "write `if condition { ... } else { ... }`, or `name = if condition then a else b`",
  }),
  "misplaced-item": ({ item, body }: { item: string; body: string }): Message => ({
    message: `${itemName(item)} does not belong in ${body === "wrap" ? "`before` or `after`" : /^[aeio]/.test(body) ? `an ${body}` : `a ${body}`}`,
  }),
  "declaration-in-block": ({ item }: { item: string }): Message => ({
    message: `${itemName(item)} is declared in the body of the optimizer, not inside a statement`,
    help: "move it out; a state that only some parameters have takes `when condition`",
  }),
  "syntax-too-deep": ({ limit }: { limit: number }): Message => ({
    message: `this is nested more than ${limit} levels deep`,
    help: "give the inner part a name of its own",
  }),
  "expression-too-deep": ({ limit }: { limit: number }): Message => ({
    message: `this expression is more than ${limit} operations deep`,
    help: "give parts of it names of their own",
  }),
  "too-many-errors": ({ shown }: { shown: number }): Message => ({ message: `more than ${shown} mistakes; the rest are not shown` }),

  // ---- signs ----
  "equals-in-expression": (_: None): Message => ({
    message: "`=` gives a name its value; it does not compare",
    help: "to compare, write `==`",
  }),
  "definition-by-comparison": ({ name }: { name: string }): Message => ({
    message: "`==` compares; it does not give a value",
    help: `write \`${name} = ...\``,
  }),
  "declaration-by-arrow": ({ name }: { name: string }): Message => ({
    message: "a declaration takes `=`",
    help: `write \`${name} = ...\`; \`<-\` gives a new value in a statement`,
  }),
  "arrow-in-expression": (_: None): Message => ({
    message: "`<-` gives a new value; it does not compare",
    help: "to compare with a negative number, write `a < -1`",
  }),
  "compound-assignment": ({ name, op }: { name: string; op: string }): Message => ({
    message: `there is no \`${op}=\``,
    help: `write \`${name} <- ${name} ${op} ...\``,
  }),
  "chained-comparison": ({ form }: { form: string }): Message => ({
    message: "comparisons do not chain",
    help: form.length <= 120 ? `write \`${form}\`` : "join two comparisons by `and`",
  }),
  "second-power": (_: None): Message => ({ message: "a second `^` needs parentheses", help: "write `a ^ (b ^ c)` or `(a ^ b) ^ c`" }),
  "unary-plus": (_: None): Message => ({ message: "there is no unary `+`", help: "leave it out" }),
  "not-needs-parentheses": (_: None): Message => ({ message: "`not` inside an operator needs parentheses", help: "write `(not ...)`" }),
  "if-needs-parentheses": (_: None): Message => ({
    message: "an `if` inside an operator needs parentheses",
    help: "it takes everything to its right: write `(if ... then ... else ...)`",
  }),
  "if-without-else": (_: None): Message => ({
    message: "an `if` that gives a value needs an `else`",
    help: "write `if condition then a else b`; a statement is `if condition { ... }`",
  }),
  "else-of-arm": (_: None): Message => ({
    message: "this `if` has no `else`; the `else` behind it begins the next arm",
    help: "write `if condition then a else b` in the arm, then `else => ...`",
  }),
  "pipe-into-call": (_: None): Message => ({
    message: "the right side of `|>` is a call, and only another `|>` may follow it",
    help: "`x |> f(a)` is `f(x, a)`; put the pipe in parentheses to go on with its value",
  }),
  "second-semicolon": (_: None): Message => ({
    message: "a second `;` in one list",
    help: "one `;` at most: data stand before it, hypers behind it",
  }),

  // ---- forms of declarations and calls ----
  "unknown-extent": ({ name, needsArgument, near }: { name: string; needsArgument: boolean; near: readonly string[] }): Message => ({
    message: needsArgument ? `the extent \`${name}\` takes an argument` : `\`${name.slice(0, 60)}\` is not an extent`,
    help: needsArgument
      ? `write \`${name}(...)\``
      : (didYouMean(near) ?? "extents are model, tensor, unit, rest, row, col, matrix, elem, axis(i), block(n) and, for a state, like x"),
  }),
  "hyper-type": ({ type }: { type: string }): Message => ({
    message: `\`${type}\` is not a type of a hyper`,
    help: "a hyper is a number unless it says `int` or `bool`",
  }),
  "rules-target": ({ verb, takesHyper }: { verb: string; takesHyper: boolean }): Message => ({
    message: takesHyper ? `\`${verb}\` takes the name of a hyper` : `\`${verb}\` takes no name`,
    help: takesHyper ? `write \`rules ${verb} lr { ... }\`` : `write \`rules ${verb} { ... }\``,
  }),
  "unknown-codec": ({ codec }: { codec: string }): Message => ({
    message: `\`${codec}\` is not a storage format in this form`,
    help: "formats are f32, f16, bf16, with `master f32` or `master remainder` for parameters, and q8(block n), q8(signed, block n), q8(unsigned, block n)",
  }),
  "reduction-without-argument": ({ name }: { name: string }): Message => ({
    message: `the reduction \`${name}\` takes an argument`,
    help: `write \`${name}(x)\` or \`${name}[extent](x)\``,
  }),
  "not-a-reduction": ({ name }: { name: string }): Message => ({
    message: `\`${name}\` is not a reduction, so it takes no \`[ ]\` before its arguments`,
    help: "reductions are sum, mean, max, min, norm, rms, dot and any",
  }),
  "named-reduction-argument": ({ name }: { name: string }): Message => ({ message: `the arguments of \`${name}\` have no names` }),
  "semicolon-in-reduction": ({ name }: { name: string }): Message => ({
    message: `\`${name}\` takes no \`;\``,
    help: "separate its arguments by `,`",
  }),
} as const satisfies Record<string, (args: never) => Message>;
