// generated/ is what the compiler makes of examples/ today, and moves the bytes that its storage alone dictates.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { Manifest } from "../src/contract/manifest.js";
import { optspec } from "./cli/command.js";

const root = fileURLToPath(new URL("..", import.meta.url));

test("optspec check finds generated/ up to date", async () => {
  expect(await optspec(root, ["check"])).toMatchObject({ exitCode: 0 });
});

/** Bytes per f32 parameter: the parameter and each state are read and written, the gradient is read; nothing else moves. */
const bytes: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  adamwdl: { base: [28], ratio: [28], double: [28], corrected: [28] },
  adamw: { default: [28], amsgrad: [36] },
  adam: { default: [28], amsgrad: [36] },
  // The first step of momentum stores the buffer without loading it.
  sgd: { plain: [12], momentum: [16, 20], nesterov: [16, 20] },
  lion: { default: [20] },
};

describe("bytes per parameter, counted from the loads and stores of the printed kernels", () => {
  for (const [folder, builds] of Object.entries(bytes)) {
    const manifest = JSON.parse(readFileSync(`${root}/generated/${folder}/manifest.json`, "utf8")) as Manifest;
    test.each(Object.entries(builds))(`${folder} %s`, (key, expected) => {
      const program = manifest.builds.find((build) => build.key === key)!.programs.find(({ entry }) => entry === "step")!;
      expect(program.bytesPerElement.map(({ read, written }) => read + written)).toEqual(expected);
      const wgsl = readFileSync(`${root}/generated/${folder}/${key}.wgsl`, "utf8");
      const counted = wgsl
        .split(/^fn step_variant/m)
        .slice(1)
        .map((body) => 4 * (body.match(/^ {4}.*\b(?:params|grads|states)\[/gm) ?? []).length);
      expect(counted).toEqual(expected);
    });
  }
});
