// One mistake, one message: what only echoes another is not told.

import { describe, expect, test } from "vitest";
import { compile } from "../../src/compiler/compile.js";
import { exampleText } from "../oracle/replay-case.js";

async function codes(text: string): Promise<readonly string[]> {
  return (await compile({ path: "test.opt", text }, { targets: [] })).diagnostics.map(({ code }) => code);
}

describe("an echo is not told", () => {
  test("of a hyper whose one use is misspelled", async () => {
    expect(await codes("optimizer S { hyper rate = 0.1 in [0, inf)  param <- param - raet * grad }")).toEqual(["unknown-name"]);
  });

  test("of names that the parser lost", async () => {
    const text = exampleText("adamwdl").replace("hyper beta1           = 0.9   in [0, 1)", "hyper beta1 == 0.9 in [0, 1)");
    expect(await codes(text)).toHaveLength(1);
  });
});

describe("an independent mistake is told", () => {
  test("beside a misspelled name", async () => {
    const text = "optimizer S { hyper rate = 0.1 in [0, inf), spare = 1  param <- param - raet * grad }";
    expect(await codes(text)).toEqual(["unused-hyper", "unknown-name"]);
  });

  test("an unused value, wherever it stands in the text, also beside calls of the library", async () => {
    const call = "param <- param - rate * (grad |> clip_norm(1) |> trust_ratio(param)) - adam(grad; 0.9, 0.99, 1e-8)";
    for (let blanks = 0; blanks < 60; blanks++)
      expect(await codes(`optimizer S{hyper rate=1${" ".repeat(blanks)} spare=grad ${call}}`)).toEqual(["unused-value"]);
  });

  test("beside a syntax error", async () => {
    const text = "optimizer S {\n hyper rate = 0.1 in [2, 1]\n m <- = 3\n param <- param - rate * grad\n}";
    expect(await codes(text)).toContain("range-empty");
  });
});
