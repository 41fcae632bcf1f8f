// The same bits: CPU and interpreter for good, WebGPU and the interpreter under the profile that the driver was found to have.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cpu } from "optspec/cpu";
import { webgpu } from "optspec/webgpu";
import { describe, expect, test } from "vitest";
import { runInDeno, whyNoDeno } from "../device/deno.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { countMismatches } from "./random-bits.js";
import { subjects } from "./subjects.js";

const all = await subjects();
const { gpu, why } = await openDawn();
const MILLION = 1_000_000;

describe("the CPU equals the interpreter, bit for bit", () => {
  test.each(all)("$name, 1.2 million random elements", async (subject) => {
    const { mismatches, first } = await countMismatches(await cpu(), subject, { elements: 1.2 * MILLION, steps: 1, seed: 11 });
    expect({ mismatches, first }).toEqual({ mismatches: 0, first: null });
  });

  test("AdamWDL, 10 million random elements", async () => {
    let compared = 0;
    for (let part = 0; part < 4; part++) {
      const result = await countMismatches(await cpu(), all[0]!, { elements: 2.5 * MILLION, steps: 1, seed: 1_000_003 * (part + 1) });
      expect(result).toMatchObject({ mismatches: 0, first: null });
      compared += result.compared;
    }
    expect(compared).toBe(3 * 10 * MILLION);
  });
});

describe("WebGPU on Dawn equals the interpreter of its profile", () => {
  test.skipIf(why !== undefined)("and of no other: the comparison sees a flushed subnormal", async () => {
    const device = await webgpu({ gpu });
    const subnormals = device.profile.subnormals === "flush" ? "keep" : "flush";
    const { mismatches } = await countMismatches({ ...device, profile: { ...device.profile, subnormals } }, all[0]!, {
      elements: 65_536,
      steps: 1,
      seed: 5,
    });
    expect(mismatches).toBeGreaterThan(100);
    device.destroy();
  });

  test.skipIf(why !== undefined).each(all)("$name", async (subject) => {
    const device = await webgpu({ gpu });
    const { mismatches, first } = await countMismatches(device, subject, { elements: 262_144, steps: 3, seed: 5 });
    expect({ mismatches, first }).toEqual({ mismatches: 0, first: null });
    device.destroy();
  });
});

describe("WebGPU on Deno equals the interpreter of its profile", () => {
  test.skipIf(whyNoDeno() !== undefined)("every build", async () => {
    const folder = mkdtempSync(join(tmpdir(), "optspec-bits-"));
    try {
      const module = (path: string): string => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)));
      const entry = join(folder, "bits.ts");
      writeFileSync(
        entry,
        `import { webgpu } from "optspec/webgpu";
         import { countMismatches } from ${module("./random-bits.ts")};
         const subjects = ${JSON.stringify(all)};
         export async function run() {
           const results = {};
           const device = await webgpu();
           for (const subject of subjects) results[subject.name] = await countMismatches(device, subject, { elements: 262_144, steps: 3, seed: 5 });
           return { profile: device.profile, results };
         }`,
      );
      const { results } = (await runInDeno(entry)) as {
        results: Readonly<Record<string, { mismatches: number; first: string | null; compared: number }>>;
      };
      expect(Object.keys(results)).toEqual(all.map((subject) => subject.name));
      for (const [name, { mismatches, first }] of Object.entries(results))
        expect({ name, mismatches, first }).toEqual({ name, mismatches: 0, first: null });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
