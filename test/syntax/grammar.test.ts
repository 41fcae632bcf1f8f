// Chevrotain's own checks of the grammar, which the product skips to start sooner: ambiguities, left recursion, endless repetitions.

import { expect, test } from "vitest";
import { checkGrammar } from "../../grammar/parser.js";

test("the grammar is sound", () => {
  expect(checkGrammar).not.toThrow();
});
