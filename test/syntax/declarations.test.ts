// Every construct of the grammar, compiled yet or not, as the tree says it.

import { describe, expect, test } from "vitest";
import type { Item } from "../../src/compiler/syntax/ast.js";
import { bare, itemsOf, read, reported, show, showExtent, showStatement } from "./read.js";

/** The items of a body as short texts. */
function brief(text: string): string[] {
  return itemsOf(text).map(briefItem);
}

function briefItem(item: Item): string {
  switch (item.kind) {
    case "statement":
      return showStatement(item.statement);
    case "hyper": {
      const { interval } = item;
      const range =
        interval && `${interval.lowClosed ? "[" : "("}${show(interval.low)}, ${show(interval.high)}${interval.highClosed ? "]" : ")"}`;
      return `${item.fixed ? "fixed " : ""}hyper ${item.name.name}: ${item.type} = ${show(item.value)}${range === null ? "" : ` in ${range}`}`;
    }
    case "option":
      return `option ${item.name.name}: ${item.words?.map((word) => word.text).join("|") ?? "bool"} = ${item.value.text}`;
    case "state": {
      const ring = item.ring === null ? "" : `[${show(item.ring)}]`;
      const extent = item.extent === null ? "" : `: ${showExtent(item.extent)}`;
      return `${item.host ? "host " : ""}state ${item.name.name}${ring}${extent} = ${show(item.value)}${item.when === null ? "" : ` when ${show(item.when)}`}`;
    }
    case "input":
      return `${item.host ? "host " : ""}input ${item.name.name}${item.extent === null ? "" : `: ${showExtent(item.extent)}`}`;
    case "rules": {
      const arms = item.arms.map(
        (arm) => `${arm.optional ? "optional " : ""}${arm.condition === null ? "else" : show(arm.condition)} => ${show(arm.value)}`,
      );
      return `${item.override ? "override " : ""}${item.verb}${item.target === null ? "" : ` ${item.target.name}`} { ${arms.join(", ")} }`;
    }
    case "order":
      return `order ${item.name.name} { ${item.arms.map((arm) => `${arm.optional ? "optional " : ""}${arm.condition === null ? "else" : show(arm.condition)} => ${arm.tuple.map(show).join("/")}`).join(", ")} }`;
    case "set":
      return `set ${item.name.name} = ${show(item.condition)}`;
    case "store":
      return `store { ${item.entries.map((entry) => `${entry.name.name}: ${JSON.stringify(entry.codec)}${entry.when === null ? "" : ` when ${show(entry.when)}`}`).join("; ")} }`;
    case "schedule":
      return `schedule ${item.name.name} = ${
        "kind" in item.body
          ? show(item.body)
          : item.body
              .map((piece) =>
                piece.kind === "hold"
                  ? `hold ${show(piece.steps)}`
                  : `${piece.from === null ? "" : show(piece.from)}->${show(piece.to)} ${piece.shape.name} ${show(piece.steps)}`,
              )
              .join("; ")
      }`;
    case "fn":
    case "transform":
      return `${item.kind} ${item.name.name}(${item.params.map((param) => `${param.name.name}/${param.half}`).join(" ")}) { ${item.body.map(briefItem).join("; ")} }`;
    case "entry":
      return `entry ${item.name.name} from ${item.from?.name ?? "anywhere"} { ${item.body.map(briefItem).join("; ")} }`;
    case "before":
    case "after":
      return `${item.kind} { ${item.body.map(briefItem).join("; ")} }`;
    default:
      throw new Error(`bug: ${JSON.stringify(item satisfies never)}`);
  }
}

describe("declarations", () => {
  test.each<[string, string[]]>([
    [
      "hyper lr = 1e-3 in [0, inf), b: int = 3 in (0, 1], c: bool = true",
      ["hyper lr: number = 1e-3 in [0, inf)", "hyper b: int = 3 in (0, 1]", "hyper c: bool = true"],
    ],
    ["fixed hyper n: int = 12 in(1, inf)", ["fixed hyper n: int = 12 in (1, inf)"]],
    ["hyper beta3 = sqrt(beta2)", ["hyper beta3: number = sqrt(beta2)"]],
    [
      "option decay: base | ratio | state = base, k: 4 | 10 = 10, nesterov = false",
      ["option decay: base|ratio|state = base", "option k: 4|10 = 10", "option nesterov: bool = false"],
    ],
    ["state m, v = 0", ["state m = 0", "state v = 0"]],
    ["state R: row = 0 when rank >= 2", ["state R: row = 0 when (rank >= 2)"]],
    [
      "state a: axis(0) = 0 state b: block(n + 1) = inf state c: like x = 0",
      ["state a: axis(0) = 0", "state b: block((n + 1)) = inf", "state c: like x = 0"],
    ],
    ["state h[keep], i: model = d0", ["state h[keep]: model = d0", "state i: model = d0"]],
    ["host state W = 0 host input loss input hessian: elem", ["host state W = 0", "host input loss", "input hessian: elem"]],
    [
      'rules scale lr { "a.{n}" and n > 2 => d ^ (k - n), optional "b" => 2; rank < 2 => if a then b else c else => 1 }',
      [
        'scale lr { (("a.{n}") and (n > 2)) => (d ^ (k - n)), optional "b" => 2, (rank < 2) => (if a then b else c), else => 1 }'.replace(
          '("a.{n}")',
          '"a.{n}"',
        ),
      ],
    ],
    ["rules override set weight_decay { else => weight_decay }", ["override set weight_decay { else => weight_decay }"]],
    [
      'rules freeze { "x" => true else => false } rules use { rank < 2 => AdamW(lr = 3e-4) else => this }',
      ['freeze { "x" => true, else => false }', "use { (rank < 2) => AdamW(lr=3e-4), else => this }"],
    ],
    [
      'order depth { "a" => 0 optional "b.{s}" => (1, s, 0) "n" => (1, last) "p" => (a + b) * 2 else => (2) }',
      ['order depth { "a" => 0, optional "b.{s}" => 1/s/0, "n" => 1/last, "p" => ((a + b) * 2), else => 2 }'],
    ],
    ['set norms = "norm*" or rank == 1', ['set norms = ("norm*" or (rank == 1))']],
    [
      "store { m: bf16; param: bf16 master f32; v: q8(block 256) when numel >= 4096; u: q8(signed, block 64) }",
      [
        'store { m: {"kind":"bf16","master":null}; param: {"kind":"bf16","master":"f32"}; v: {"kind":"q8","sign":null,"block":256} when (numel >= 4096); u: {"kind":"q8","sign":"signed","block":64} }',
      ],
    ],
    [
      "schedule s = 0 -> 1 linear 2000; hold 10000; -> 0.1 cosine 5000; x = 1",
      ["schedule s = 0->1 linear 2000; hold 10000; ->0.1 cosine 5000", "x = 1"],
    ],
    ["schedule s = 1 / sqrt(k + 1); m <- 2", ["schedule s = (1 / sqrt((k + 1)))", "m <- 2"]],
    ["fn f(x, a; b, c) = x |> g(a)", ["fn f(x/0 a/0 b/1 c/1) { return (x |> g(a)) }"]],
    ["transform r(x; a) { state s = 0 s <- a * s return s }", ["transform r(x/0 a/1) { state s = 0; s <- (a * s); return s }"]],
    [
      "entry eval from train { param <- x } step from climbed { y = 2 } entry curvature { z = 3 }",
      ["entry eval from train { param <- x }", "entry step from climbed { y = 2 }", "entry curvature from anywhere { z = 3 }"],
    ],
    [
      "before { grad <- clip(grad, 1) } after { every 6 { slow <- param } }",
      ["before { grad <- clip(grad, 1) }", "after { every 6 { slow <- param } }"],
    ],
  ])("%s", (text, expected) => {
    expect(brief(text)).toEqual(expected);
  });
});

describe("statements", () => {
  test.each<[string, string[]]>([
    ["if a { x = 1 } else if b { x = 2; y <- 3 } else { }", ["if a { x = 1 } else { if b { x = 2; y <- 3 } else {  } }"]],
    [
      "every 10 { x <- 1 } every n from 1 { x <- 2 } repeat 5 { A = X @ X.T; X <- A }",
      ["every 10 { x <- 1 }", "every n from 1 { x <- 2 }", "repeat 5 { A = (X @ X.T); X <- A }"],
    ],
    ["x = a <- 3", []],
  ])("%s", (text, expected) => {
    if (expected.length > 0) expect(brief(text)).toEqual(expected);
    else expect(reported(`optimizer A { ${text} }`)).not.toEqual([]);
  });

  test("words of the language are names where they begin nothing", () => {
    const words = [
      "state",
      "hyper",
      "option",
      "order",
      "set",
      "use",
      "every",
      "return",
      "step",
      "in",
      "when",
      "from",
      "rules",
      "store",
      "before",
    ];
    for (const word of words) {
      expect(brief(`${word} = 1 ${word} <- ${word} + f(${word}) x = ${word}`)).toEqual([
        `${word} = 1`,
        `${word} <- (${word} + f(${word}))`,
        `x = ${word}`,
      ]);
      expect(brief(`hyper ${word} = 1 state a, ${word} = 2`)).toEqual([`hyper ${word}: number = 1`, "state a = 2", `state ${word} = 2`]);
    }
    expect(brief("every step from 2 { x = 1 }")).toEqual(["every step from 2 { x = 1 }"]);
    expect(brief("entry step from train { }")).toEqual(["entry step from train {  }"]);
  });
});

describe("files", () => {
  test("optimizers, rulesets, functions, and one optimizer from another", () => {
    const { ast, diagnostics } = read(`
      fn f(x) = x
      transform g(x; a) { return x }
      ruleset R { hyper d = 0.9 set s = "x" order o { else => 0 } scale lr { else => d } override set wd { else => 0 } fn h(i) = i }
      optimizer A { }
      optimizer B = A
      optimizer C = A with R, S { hyper lr = 1 }
    `);
    expect(diagnostics).toEqual([]);
    expect(ast.declarations.map((d) => `${d.kind} ${d.name.name}`)).toEqual([
      "fn f",
      "transform g",
      "ruleset R",
      "optimizer A",
      "optimizer B",
      "optimizer C",
    ]);
    expect(bare(ast.declarations[5])).toMatchObject({
      base: { name: "A" },
      rulesets: [{ name: "R" }, { name: "S" }],
      body: [{ kind: "hyper" }],
    });
    const ruleset = ast.declarations[2];
    expect(ruleset?.kind === "ruleset" && ruleset.body.map((item) => item.kind)).toEqual(["hyper", "set", "order", "rules", "rules", "fn"]);
  });

  test("documentation belongs to what follows it", () => {
    const { ast } = read(`
      /// An optimizer.
      ///
      ///   Indented.
      optimizer A {
        /// Learning rate.
        // not this
        hyper lr = 1, /// Of the second.
              b = 2
        //// nor this
        /// Kept.
        host state s = 0
        x = 1 /// lost
      }
      /// A function.
      fn f(x) = x`);
    const [optimizer, fn] = ast.declarations;
    expect(optimizer?.doc).toBe("An optimizer.\n\n  Indented.");
    expect(fn?.doc).toBe("A function.");
    const docs = optimizer?.kind === "optimizer" ? optimizer.body.map((item) => ("doc" in item ? item.doc : undefined)) : [];
    expect(docs).toEqual(["Learning rate.", "Of the second.", "Kept.", undefined]);
  });

  test("an empty file is an empty tree", () => {
    for (const text of ["", "\uFEFF", " \r\n\t// nothing", "///"])
      expect(read(text)).toMatchObject({ ast: { declarations: [] }, diagnostics: [] });
  });
});

test.each([
  ["hyper lr: float = 1", "2:11 hyper-type"],
  ["hyper lr == 1", "2:10 definition-by-comparison"],
  ["state m <- 0", "2:9 declaration-by-arrow"],
  ["state m: rwo = 0", "2:10 unknown-extent"],
  ["store { m: bf17 }", "2:12 unknown-codec"],
  ["store { m: bf16 master f16 }", "2:12 unknown-codec"],
  ["store { m: q8(block, block 2) }", "2:12 unknown-codec"],
  ["rules scale { else => 1 }", "2:7 rules-target"],
  ["rules freeze lr { else => true }", "2:7 rules-target"],
  ["fn f(a; b; c) = a", "2:10 second-semicolon"],
  ["if a { state m = 0 }", "2:8 declaration-in-block"],
  ["fn f(x) { state s = 0 return s }", "2:11 misplaced-item"],
  ["h[0] <- grad", "2:1 assigned-element"],
  ["hypr lr = 1", "2:1 unknown-item"],
  ["else { x = 1 }", "2:1 stray-else"],
  ["if a then x <- 1", "2:6 then-in-statement"],
  ["if a x <- 1", "2:6 missing-braces"],
  ["every 10 x <- 1", "2:10 missing-braces"],
])("%s is one mistake", (text, expected) => {
  expect(reported(`optimizer A {\n${text}\n}`)).toEqual([expected]);
});

test("a ruleset holds no states, and nothing stands outside", () => {
  expect(reported("ruleset R {\n  state m = 0\n}")).toEqual(["2:3 misplaced-item"]);
  expect(reported("hyper lr = 1\noptimizer A { }")).toEqual(["1:1 outside-declaration"]);
  expect(reported("x = 1")).toEqual(["1:1 outside-declaration"]);
});
