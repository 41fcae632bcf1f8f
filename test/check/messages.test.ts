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
  useCases,
} from "./cases.js";
import { around, checkText, unmark } from "./marked.js";

const all: Cases = {
  ...nameCases,
  ...expressionCases,
  ...flowCases,
  ...declarationCases,
  ...useCases,
  ...ruleCases,
  ...limitCases,
  ...laterCases,
};

describe.each(Object.entries(all).filter(([, texts]) => texts.length > 0))("%s", (code, texts) => {
  test.each(texts)("%s", (marked) => {
    const { text, places } = unmark(around(marked));
    const told = checkText(text).diagnostics.map((d) => `${d.code} at «${text.slice(d.span.from, d.span.to)}» ${d.span.from}`);
    expect(told).toEqual(places.map(({ from, to }) => `${code} at «${text.slice(from, to)}» ${from}`));
  });
});

test("every message has a case", () => {
  expect(Object.keys(checkMessages).filter((code) => !Object.hasOwn(all, code))).toEqual([]);
});
