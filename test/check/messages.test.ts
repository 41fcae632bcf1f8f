// Every message of the checker: the text that earns it, and its place. A text earns nothing but its message.

import { describe, expect, test } from "vitest";
import { checkMessages } from "../../src/compiler/diagnostics/check-messages.js";
import {
  type Cases,
  declarationCases,
  expressionCases,
  flowCases,
  laterCases,
  limitCases,
  nameCases,
  ruleCases,
  storeCases,
  useCases,
} from "./cases.js";
import { around, checkText, unmark } from "./marked.js";
import { scheduleCases, unseenBySchedules } from "./schedule-cases.js";

const all: Cases = {
  ...nameCases,
  ...expressionCases,
  ...flowCases,
  ...declarationCases,
  ...useCases,
  ...ruleCases,
  ...limitCases,
  ...storeCases,
  ...laterCases,
  ...scheduleCases,
};

describe.each([...Object.entries(all), ...Object.entries(unseenBySchedules)].filter(([, texts]) => texts.length > 0))(
  "%s",
  (code, texts) => {
    test.each(texts)("%s", (marked) => {
      const { text, places } = unmark(around(marked));
      const told = checkText(text).diagnostics.map((d) => `${d.code} at «${text.slice(d.span.from, d.span.to)}» ${d.span.from}`);
      expect(told).toEqual(places.map(({ from, to }) => `${code} at «${text.slice(from, to)}» ${from}`));
    });
  },
);

test("every message has a case, those of limits in their own test", () => {
  const limits = ["nested-too-deeply", "optimizer-too-large", "too-many-states", "too-many-variants", "too-many-coefficients"];
  expect(Object.keys(checkMessages).filter((code) => !all[code]?.length)).toEqual(limits);
});

test.each([
  ["param <- param - lrr", "did you mean `lr`?"],
  ["param <- sqrtt(param)", "did you mean `sqrt`?"],
  ["mom <- grad  state momentum = 0  momentum <- momentum + grad", "`mom = ...` defines a local, `state mom = 0` declares a state"],
  ["option o: plain | other = plain  if o == plan { param <- grad }", "did you mean `plain`?"],
  ["hyper rate = 1  param <- param * rate  rules scale rat { else => 1 }", "did you mean `rate`?"],
  ["state m = 0  m = grad", "write `m <- ...` to give it a new value"],
  ["option o = false  state m = 0 when o  m <- m + grad", "put it under `if o`; the condition may be one of several joined by `and`"],
  [
    "host state W = 0  W <- W + grad",
    "keep it on the device: `state W = ...`, a number for each element, or `state W: model = ...` of a reduction",
  ],
  ["host state W = 0  W <- norm[model](grad)", "keep it on the device: `state W: model = ...`"],
  ["n = sum(lr)  param <- param * n", "leave `sum` out, or reduce over the parameters: `sum[model](...)`"],
  [
    "if first { param <- param * norm[model](grad) }",
    "name its value above the condition, or reduce over a part: `sum[model](if ... then ... else 0)`",
  ],
])("the way out of %s", (text, help) => {
  expect(checkText(around(text)).diagnostics.map((d) => d.help)).toContain(help);
});

test("a message repeats for no call of the function that it is about", () => {
  const { diagnostics } = checkText(around("fn f(x) = x * foo  param <- f(f(f(param)))"));
  expect(diagnostics.map((d) => d.code)).toEqual(["unknown-name"]);
});

test("one run tells every independent mistake, in the order of the text", () => {
  const { diagnostics } = checkText(
    around("hyper a = 2 in [0, 1]  state m = 0  x = foo  if lr { m <- bar(grad) }  param <- param - a / 0"),
  );
  expect(diagnostics.map((d) => d.code)).toEqual([
    "default-out-of-range",
    "state-never-read",
    "unused-value",
    "unknown-name",
    "needs-condition",
    "unknown-function",
    "division-by-zero",
  ]);
});
