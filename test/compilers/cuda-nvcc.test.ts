// NVIDIA's own compiler on the generated texts: registers, spills, what the flags of others may change, and how memory is reached.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { type BuildInfo, REDUCE_WORKGROUP } from "../../src/contract/manifest.js";
import { compileOne } from "../oracle/compile-one.js";
import { keptBuilds } from "../oracle/kept-builds.js";
import { reductionSpecs } from "../oracle/reduction-specs.js";
import { runTool, whyNoCuda } from "./cuda-toolchain.js";
import { compiledExamples } from "./examples.js";

const ARCHITECTURES = ["sm_75", "sm_80", "sm_90", "sm_100"] as const;
const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/cuda/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "optspec-nvcc-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const shipped = await compiledExamples();
/** Under other names where an optimizer of that name is shipped. */
const reducing = await Promise.all(
  Object.values(reductionSpecs).map((text) => compileOne(text.replace(/optimizer (\w+)/, "optimizer Test$1"))),
);
/** What is kept in 16 and 8 bits, by the names that the optimizers get. */
const kept = await Promise.all(
  Object.entries(keptBuilds).map(([name, { text, options }]) =>
    compileOne(text.replace(/optimizer (\w+)/, `optimizer ${name}`), [options]),
  ),
);
const optimizers = [...shipped, ...reducing, ...kept];
const texts = (
  await Promise.all(
    optimizers.flatMap(({ name, definition }) =>
      Object.entries(definition.kernels).map(async ([key, { cuda }]) => ({ path: `${name}/${key}.cu`, content: await cuda!() })),
    ),
  )
).toSorted((a, b) => (a.path < b.path ? -1 : 1));
const launches = optimizers.flatMap(({ definition }) =>
  definition.manifest.builds.flatMap((build) =>
    build.programs.flatMap((program) => program.sweeps.map((sweep) => ({ ...sweep, program, build }))),
  ),
);
const formatsOf = ({ formats, states }: BuildInfo) => new Set([formats.param, formats.grad, ...states.map(({ format }) => format)]);
const launchOf = (kernel: string) => launches.find(({ symbol }) => kernel === symbol || kernel === `${symbol}_tensor`)!;
const together = join(folder, "together.cu");
/** All texts in one program, each of them twice: a header is included wherever it is used. */
writeFileSync(
  together,
  texts
    .map(({ path, content }, i) => {
      const file = join(folder, `${i}-${path.replaceAll("/", "-")}`);
      writeFileSync(file, content);
      return `#include "${file}"\n#include "${file}"\n`;
    })
    .join(""),
);
const warnings = ["-Werror", "all-warnings"];

/** What ptxas says of each kernel. */
function resourcesOf(said: string): Record<string, { readonly registers: number; readonly spills: boolean }> {
  const kernels = said.split("Compiling entry function '").slice(1);
  return Object.fromEntries(
    kernels.map((text) => [
      text.slice(0, text.indexOf("'")),
      {
        registers: Number(/Used (\d+) registers/.exec(text)![1]),
        spills: !text.includes("0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads"),
      },
    ]),
  );
}

/** Remembers what a compiler needs most of a minute for. */
function once<Arg extends string, Result>(make: (arg: Arg) => Result): (arg: Arg) => Result {
  const known = new Map<Arg, Result>();
  return (arg) => {
    if (!known.has(arg)) known.set(arg, make(arg));
    return known.get(arg)!;
  };
}

/** All texts in machine code, and what ptxas says of it. */
const cubinOf = once((architecture: (typeof ARCHITECTURES)[number]) => {
  const file = join(folder, `${architecture}.cubin`);
  const { stderr } = runTool("nvcc", [`-arch=${architecture}`, ...warnings, "-Xptxas", "-v", "-cubin", "-o", file, together]);
  return { file, said: stderr };
});

/** Each kernel's PTX, by its name. */
const ptxOf = once((flags: "" | "-use_fast_math -ftz=true"): ReadonlyMap<string, string> => {
  const file = join(folder, "together.ptx");
  runTool("nvcc", ["-arch=sm_90", ...flags.split(" ").filter(Boolean), ...warnings, "-ptx", "-o", file, together]);
  const kernels = readFileSync(file, "utf8").split(".visible .entry ").slice(1);
  return new Map(kernels.map((text) => [/^\w+/.exec(text)![0], text]));
});

/** Four elements or eight, of 8 bits or more. */
const groupAccess = (way: string) => new RegExp(`\\b${way}\\.global[.\\w]*\\.(v[24]\\.)?[bfu]32`, "g");
const count = (text: string, pattern: RegExp): number => (text.match(pattern) ?? []).length;

describe.skipIf(whyNoCuda !== undefined)("nvcc", () => {
  test.each(ARCHITECTURES)("compiles every text for %s without a warning or a spill; registers as recorded", (architecture) => {
    const resources = Object.entries(resourcesOf(cubinOf(architecture).said)).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const counting = launches.map(({ symbol, name, build: { states } }) => {
      const chooses = states.some(({ scaler }) => scaler === "taken");
      return `${symbol!.slice(0, -name.length)}${chooses ? "choose" : "advance"}`;
    });
    const own = launches.flatMap(({ symbol, scalars }) => (scalars ? [symbol!] : [symbol!, `${symbol}_tensor`]));
    expect(resources.map(([kernel]) => kernel)).toEqual([...new Set([...own, ...counting])].toSorted());
    // Four blocks that reduce share a multiprocessor's registers, and three where blocks of 256 elements are held (fewer where tensors are
    // gone through one by one) or a step may also be skipped; a finish has one for itself.
    const most = (kernel: string) => {
      const launch = launchOf(kernel);
      if (launch?.kind === "finish" || launch?.workgroup === REDUCE_WORKGROUP) return 128;
      if (launch === undefined) return 64;
      if ((["q8s", "q8u"] as const).some((format) => formatsOf(launch.build).has(format))) return kernel.endsWith("_tensor") ? 96 : 80;
      return launch.build.states.some(({ scaler }) => scaler !== undefined) && launch.build.formats.param !== "f32" ? 72 : 64;
    };
    expect(resources.filter(([kernel, { spills, registers }]) => spills || registers > most(kernel))).toEqual([]);
    const lines = resources.map(([kernel, { registers }]) => `${kernel} ${registers}`);
    return expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(fixture(`registers-${architecture}.txt`));
  });

  test("the flags of others change no rounding and flush no subnormal", () => {
    const plain = ptxOf("");
    const fast = ptxOf("-use_fast_math -ftz=true");
    expect(plain.size).toBeGreaterThan(40);
    for (const [kernel, text] of fast) {
      expect(text, kernel).not.toMatch(/\b(fma|mad|add|sub|mul|div|sqrt|rcp|min|max|abs|neg|setp|set)[.\w]*(\.ftz|\.approx)[.\w]*\.f32/);
      expect(text, kernel).not.toMatch(/\bfma|\bmad\.rn/);
      for (const operation of ["add", "sub", "mul", "div", "sqrt"]) {
        const pattern = new RegExp(`\\b${operation}\\.rn\\.f32\\b`, "g");
        expect(count(text, pattern), `${operation} in ${kernel}`).toBe(count(plain.get(kernel)!, pattern));
      }
    }
  });

  test("a plain operator in their place would have been changed", () => {
    const { content } = texts[0]!;
    const file = join(folder, "plain.cu");
    writeFileSync(file, content.replace(/float r; asm\("mul[^;]*;[^;]*; return r;/, "return a * b;"));
    runTool("nvcc", ["-arch=sm_90", "-use_fast_math", "-ptx", "-o", `${file}.ptx`, file]);
    expect(readFileSync(`${file}.ptx`, "utf8")).toContain("mul.ftz.f32");
  });

  test("memory is reached in 16 bytes, and never by a generic address", () => {
    for (const [kernel, text] of ptxOf("")) {
      expect(count(text, /\b(ld|st)\.(?!global|param|const|shared)/g), kernel).toBe(0);
      const launch = launchOf(kernel);
      if (launch === undefined || launch.kind === "finish") continue;
      if (formatsOf(launch.build).size > 1 || launch.build.formats.param !== "f32") {
        for (const way of ["ld", "st"]) expect(count(text, groupAccess(way)), `${way} in ${kernel}`).toBeGreaterThan(0);
        continue;
      }
      const [loads, stores] = [count(text, /\bld\.global[.\w]*\.v4\.f32/g), count(text, /\bst\.global[.\w]*\.v4\.f32/g)];
      const bytes = launch.program.bytesPerElement;
      if (launch.program.sweeps.length > 1) {
        expect(loads, kernel).toBeGreaterThan(0);
        continue;
      }
      // Once for each array of each variant, but where the compiler merges or unrolls loops.
      expect(loads, kernel).toBeGreaterThanOrEqual(Math.max(...bytes.map(({ read }) => read / 4)));
      expect(stores, kernel).toBeGreaterThanOrEqual(Math.max(...bytes.map(({ written }) => written / 4)));
    }
  });

  test("instructions per element as recorded, within a tenth of a kernel written by hand", () => {
    const hand = join(folder, "hand.cubin");
    runTool("nvcc", ["-arch=sm_90", "-cubin", "-o", hand, fixture("hand-written.cu")]);
    const theirs = loopsOf(hand);
    const found = loopsOf(cubinOf("sm_90").file);
    const rows = [
      ["AdamWDL_base_step", "hand_adamw", 3],
      ["AdamWDL_base_step_tensor", "hand_adamw", 3],
      ["SGD_plain_step", "hand_sgd", 1],
      ["SGD_plain_step_tensor", "hand_sgd", 1],
    ] as const;
    const lines = rows.map(([kernel, written, stores]) => {
      const [a, b] = [perElement(found.get(kernel)!, stores), perElement(theirs.get(written)!, stores)];
      expect(a / b, kernel).toBeLessThanOrEqual(1.1);
      return `${kernel} ${a.toFixed(2)}, ${written} ${b.toFixed(2)}`;
    });
    return expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(fixture("instructions-sm_90.txt"));
  });
});

/** Each kernel's inner loop over 16-byte loads, in the machine's instructions. */
function loopsOf(cubin: string): ReadonlyMap<string, readonly string[]> {
  const kernels = runTool("cuobjdump", ["-sass", cubin]).stdout.split("Function : ").slice(1);
  return new Map(kernels.map((text) => [/^\w+/.exec(text)![0], innerLoop(text)]));
}

function innerLoop(sass: string): readonly string[] {
  const lines = [...sass.matchAll(/^\s+\/\*([0-9a-f]+)\*\/\s+(.*?);/gm)].map(([, at, text]) => ({
    at: Number.parseInt(at!, 16),
    text: text!,
  }));
  const loops = lines.flatMap(({ at, text }) => {
    const target = /\bBRA(?:\.\w+)* .*?0x([0-9a-f]+)/.exec(text)?.[1];
    const from = target === undefined ? at : Number.parseInt(target, 16);
    return from < at ? [lines.filter((line) => line.at >= from && line.at <= at).map((line) => line.text)] : [];
  });
  const vector = loops.filter((loop) => loop.some((text) => /LDG\.E\.128/.test(text)));
  return vector.toSorted((a, b) => a.length - b.length)[0]!;
}

/** A compiler may unroll: its 16-byte stores say how often. */
function perElement(loop: readonly string[], stores: number): number {
  return loop.length / ((4 * loop.filter((text) => /STG\.E\.128/.test(text)).length) / stores);
}
