// One run reports every independent mistake once, and what it does not touch is read as if it were alone. Mistakes are marked in the
// text: `«code»` stands where the message points.

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { lex } from "../../grammar/lexer.js";
import { read } from "./read.js";

/** Takes the marks out of a text. */
function unmark(marked: string): { readonly text: string; readonly expected: string[] } {
  const expected: string[] = [];
  let text = "";
  for (const piece of marked.split(/(«[a-z-]+»)/)) {
    if (piece.startsWith("«")) expected.push(`${text.length} ${piece.slice(1, -1)}`);
    else text += piece;
  }
  return { text, expected };
}

function found(text: string): string[] {
  return read(text).diagnostics.map(({ span, code }) => `${span.from} ${code}`);
}

test.each([
  `optimizer A {
  x = a +«missing-expression»
  y = «expected-expression»* 3
  z = «unclosed-bracket»(a + b
  u = 1
  v = f(a «unexpected-token»b)
  w = a«unmatched-bracket») + 2
  if 0 < «chained»1 { }
}`.replace("«chained»", ""),
  `optimizer A {
  hyper lr «unexpected-token»1e-3
  hyper a = 1 in [0«unexpected-token» 1)
  «unknown-item»hypr b = 2
  state m «unexpected-token»v = 0
  state w = 0
  option c: «unexpected-token»= d
  param «compound-assignment»-= lr
}`.replace("[0«unexpected-token» 1)", "[0 «unexpected-token»1)"),
  `optimizer A {
  rules scale lr {
    "a" «unexpected-token»= 3
    "b" =>«missing-expression»
    "c" => 1 +«missing-expression»
    "e" => 2
    «unmatched-bracket») => 2
    "d" => «else-of-arm»if rank < 2 then 1
    else => 1
  }
  x = «bad-number»1.
}`,
  `optimizer A {
  if «expected-expression»{ x = 1 }
  if a {
    y = «expected-expression»)
    z = «expected-expression»/
  }
  «incomplete-item»every { u = 2 }
  v = «string-quotes»'a'
}
optimizer «unexpected-token»{ }
optimizer B {
  x = «expected-expression»;
  y = 1
}
fn f(x «unexpected-token»y) = x
fn g(x) = x
`.replace("optimizer «unexpected-token»{ }", "«incomplete-item»optimizer { }"),
  `optimizer A «unclosed-bracket»{
  x = 1
optimizer B {
  y = «expected-expression»*
}
`,
  `optimizer A {
  x = a / (b «lost-to-comment»// 3)
  y = 1
  z = «if-without-else»if a then b
  rules scale lr {
    "a.{b}" => d ^ (b «lost-to-comment»// 3)
    else => 1
  }
}`,
  `optimizer A {
  if c
    x «missing-braces»<- 1
  }
  y = 1
}`.replace("if c\n    x «missing-braces»<- 1", "if c«missing-braces»\n    x <- 1"),
  `optimizer A {
  x = a «foreign-sign»&& «foreign-sign»!b
  y = a «foreign-sign»** 2
  z = a «foreign-sign»≤ b
  «comment-sign»# a comment
  u = a «forbidden-character»$ 3
  v = "«bad-escape»\\u{110000}"
}`,
])("%s", (marked) => {
  const { text, expected } = unmark(marked);
  expect(found(text)).toEqual(expected);
});

test("a mistake leaves its neighbours as they are", () => {
  const { ast } = read("optimizer A {\n hyper lr = 1\n x = * 2\n state m = 0\n if ( { m <- 1 }\n y = lr\n}\noptimizer B { z = 1 }");
  const [a, b] = ast.declarations;
  expect(a?.kind === "optimizer" && a.body.map((item) => (item.kind === "statement" ? item.statement.kind : item.kind))).toEqual([
    "hyper",
    "define",
    "state",
    "if",
    "define",
  ]);
  expect(b?.name.name).toBe("B");
});

const lines = [
  "x = a + b",
  "m <- lerp(m, grad, beta)",
  "hyper lr = 1e-3 in [0, 1)",
  "state m, v = 0 when rank >= 2",
  "if a < b { y = 1 } else { y <- 2 }",
  "option k: a | b = a",
  'rules scale lr { "a.{n}" => d ^ n   else => 1 }',
  "fn f(x) = x ^ 2",
];
const broken: [string, string][] = [
  ["x = a +", "missing-expression"],
  ["x = * b", "expected-expression"],
  ["m <- lerp(m, , beta)", "expected-expression"],
  ["hyper lr 1e-3", "unexpected-token"],
  ["state m = 0 when", "missing-expression"],
  ["if a < b y = 1", "missing-braces"],
  ["if { y = 1 }", "expected-expression"],
  ["x = (a + b", "unclosed-bracket"],
  ["x = a + b)", "unmatched-bracket"],
  ["x = sqrt (a)", "call-gap"],
  ["option k: a | = a", "unexpected-token"],
  ['rules scale lr { "a" => }', "missing-expression"],
  [": 3", "unexpected-token"],
  ["sate m = 0", "unknown-item"],
  ["x = 1 2", "unexpected-token"],
];

test("any mixture of right and broken lines gives one message for each broken line, on that line", () => {
  const line = fc.oneof(
    fc.constantFrom(...lines).map((text) => ({ text, code: null })),
    fc.constantFrom(...broken).map(([text, code]) => ({ text, code })),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (body) => {
      // A right line behind each: newlines mean nothing, so `x = a +` could go on in the next line.
      const text = `optimizer A {\n${body.map((one) => `${one.text}\nu <- 1`).join("\n")}\n}\n`;
      const expected = body.flatMap(({ code }, i) => (code === null ? [] : [`${2 * i + 2} ${code}`]));
      const got = read(text).diagnostics.map(({ span, code }) => `${text.slice(0, span.from).split("\n").length} ${code}`);
      expect(got).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});

test("one token taken away, doubled or replaced is one message nearly always, and never more than three", () => {
  const text = readFileSync(new URL("../../examples/adamwdl.opt", import.meta.url), "utf8");
  const counts = [0, 0, 0, 0];
  for (const { image, startOffset } of lex(text).tokens) {
    for (const instead of ["", `${image} ${image}`, ")", "(", "3 "]) {
      const { diagnostics } = read(text.slice(0, startOffset) + instead + text.slice(startOffset + image.length));
      expect(diagnostics.length, `${instead} for ${image} at ${startOffset}`).toBeLessThanOrEqual(3);
      counts[diagnostics.length]!++;
    }
  }
  const several = counts[2]! + counts[3]!;
  expect(several / counts.reduce((a, b) => a + b)).toBeLessThan(0.03);
});
