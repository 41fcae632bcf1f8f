import fc from "fast-check";
import { expect, test } from "vitest";
import { editDistance, nearest } from "../../src/nearest-names.js";

test.each([
  ["", "", 0],
  ["abc", "", 3],
  ["kitten", "sitting", 3],
  ["ab", "ba", 1],
  ["beta1", "beta2", 1],
  ["momnetum", "momentum", 1],
  ["ca", "abc", 3],
])("%j to %j is %d", (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
  expect(editDistance(b, a)).toBe(distance);
});

test("one edit is at most one away", () => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(word, fc.nat(12), fc.string({ minLength: 1, maxLength: 1, unit: "binary-ascii" }), (text, place, letter) => {
      const at = Math.min(place, text.length);
      expect(editDistance(text, text)).toBe(0);
      expect(editDistance(text, text.slice(0, at) + letter + text.slice(at))).toBe(1);
      expect(editDistance(text, text.slice(0, at) + text.slice(at + 1))).toBe(at < text.length ? 1 : 0);
      expect(editDistance(text, text.slice(0, at) + letter + text.slice(at + 1))).toBeLessThanOrEqual(1);
    }),
  );
});

test.each([
  ["lrr", ["lr", "beta1", "grad"], ["lr"]],
  ["beta", ["beta1", "beta2", "gamma"], ["beta1", "beta2"]],
  ["LR", ["lr", "L"], ["lr", "L"]],
  ["wieght_decay", ["weight_decay", "layer_decay"], ["weight_decay"]],
  ["x", ["momentum", "param"], []],
  ["lr", ["lr"], []],
  ["a", ["b", "c", "d", "e"], ["b", "c", "d"]],
  ["a".repeat(100_000), ["a", "b"], []],
])("%s", (name, candidates, expected) => {
  expect(nearest(name, candidates)).toEqual(expected);
});
