// A small AdamW written by hand as a generated module would hold it: manifest, WGSL and WebAssembly. It proves the runtime without the
// compiler. Besides AdamW it has a fixed hyper, an option with one build of two, a rule block, a `set` and a `freeze`.

import loadWabt from "wabt";
import type { HostValue } from "../../src/contract/host-formula.js";
import type { HyperInfo, OptimizerDefinition, RangeInfo } from "../../src/contract/manifest.js";
import { parsePattern } from "../../src/rules/pattern.js";
import type { OptimizerTypes } from "../../src/runtime/index.js";

export interface HandAdamTypes extends OptimizerTypes {
  readonly hypers: {
    readonly lr: number;
    readonly beta1: number;
    readonly beta2: number;
    readonly epsilon: number;
    readonly weightDecay: number;
    readonly nLayers: number;
  };
  readonly mutable: "lr" | "beta1" | "beta2" | "epsilon" | "weightDecay";
  readonly states: "m" | "v";
  readonly modelStates: never;
}

/** Builds a formula table; equal nodes are kept apart, which is allowed. */
function formulas() {
  const table: HostValue[] = [];
  const add = (value: HostValue) => table.push(value) - 1;
  const literal = (value: number) => add({ op: "literal", value });
  const hyper = (name: string) => add({ op: "hyper", hyper: name, form: "value" });
  const apply = (fn: "sub" | "mul" | "div" | "pow" | "sqrt", ...args: number[]) => add({ op: "apply", fn, args });
  return { table, add, literal, hyper, apply };
}

function hostTable() {
  const { table, add, literal, hyper, apply } = formulas();
  const one = literal(1);
  const t = add({ op: "fact", fact: "t" });
  const lr = hyper("lr");
  const b1 = hyper("beta1");
  const b2 = hyper("beta2");
  const coefficients = [
    { name: "1 - lr * weight_decay", value: apply("sub", one, apply("mul", lr, hyper("weight_decay"))) },
    { name: "beta1", value: b1 },
    { name: "1 - beta1", value: apply("sub", one, b1) },
    { name: "beta2", value: b2 },
    { name: "1 - beta2", value: apply("sub", one, b2) },
    { name: "lr / (1 - beta1^t)", value: apply("div", lr, apply("sub", one, apply("pow", b1, t))) },
    { name: "sqrt(1 - beta2^t)", value: apply("sqrt", apply("sub", one, apply("pow", b2, t))) },
    { name: "epsilon", value: hyper("epsilon") },
  ];
  return { table, coefficients };
}

const range = (low: number, high: number | null, lowClosed = true): RangeInfo => ({ low, high, lowClosed, highClosed: false });

function hypers() {
  const { table, literal } = formulas();
  const info = (name: string, key: string, value: number, within: RangeInfo, more: Partial<HyperInfo> = {}): HyperInfo => {
    return { name, key, doc: null, type: "number", fixed: false, value: literal(value), range: within, globalBecause: null, ...more };
  };
  const infos = [
    info("lr", "lr", 1e-3, range(0, null)),
    info("beta1", "beta1", 0.9, range(0, 1)),
    info("beta2", "beta2", 0.999, range(0, 1)),
    info("epsilon", "epsilon", 1e-8, range(0, null, false)),
    info("weight_decay", "weightDecay", 0.01, range(0, null)),
    info("n_layers", "nLayers", 12, range(1, null), { type: "int", fixed: true }),
  ];
  return { table, infos };
}

function ruleSet(): OptimizerDefinition["manifest"]["rules"] {
  const { table, add, literal, hyper, apply } = formulas();
  const condition = (text: string) => {
    const parsed = parsePattern(text);
    if ("problem" in parsed) throw new Error(parsed.problem.message);
    return { kind: "pattern", pattern: parsed.pattern } as const;
  };
  const arm = (line: number, pattern: string | null, value: number) => {
    return { line, column: 5, text: pattern ?? "else", optional: true, condition: pattern === null ? null : condition(pattern), value };
  };
  const depth = apply("sub", hyper("n_layers"), add({ op: "capture", capture: "layer" }));
  const block = { override: false, line: 1 } as const;
  return {
    name: "HandAdam",
    formulas: table,
    blocks: [
      {
        ...block,
        verb: "scale",
        hyper: "lr",
        arms: [arm(2, "layers.{layer}", apply("pow", literal(0.8), depth)), arm(3, null, literal(1))],
      },
      { ...block, verb: "set", hyper: "weight_decay", arms: [arm(4, "bias", literal(0)), arm(5, null, hyper("weight_decay"))] },
      { ...block, verb: "freeze", hyper: null, arms: [arm(6, "^frozen", literal(1)), arm(7, null, literal(0))] },
    ],
    bounds: [{ capture: "layer", hyper: "n_layers", block: 0, arm: 0 }],
    fixedByConditions: [],
  };
}

const wgsl = `
struct Chunk { param: u32, state: u32, state_stride: u32, count: u32, row: u32, tensor: u32, first: u32, place: u32, piece: u32 }
@group(0) @binding(0) var<storage, read_write> params: array<vec4f>;
@group(0) @binding(1) var<storage, read> grads: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> states: array<vec4f>;
@group(0) @binding(3) var<storage, read> chunks: array<Chunk>;
@group(0) @binding(4) var<storage, read> rows: array<vec4f>;
@compute @workgroup_size(256)
fn step(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) n: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = wg.x + wg.y * n.x;
  if (index >= arrayLength(&chunks)) { return; }
  let chunk = chunks[index];
  let a = rows[chunk.row * 3u];
  let b = rows[chunk.row * 3u + 1u];
  let c = rows[chunk.row * 3u + 2u];
  if (a.x != 0.0) { return; }
  for (var i = lane; i < (chunk.count + 3u) / 4u; i += 256u) {
    let g = grads[chunk.param + i];
    let m = a.z * states[chunk.state + chunk.place + i] + a.w * g;
    let v = b.x * states[chunk.state + chunk.state_stride + chunk.place + i] + b.y * (g * g);
    let p = params[chunk.param + i] * a.y;
    states[chunk.state + chunk.place + i] = m;
    states[chunk.state + chunk.state_stride + chunk.place + i] = v;
    params[chunk.param + i] = p - b.z * (m / (sqrt(v) / b.w + c.x));
  }
}`;

const splat = (slot: number) => `(v128.load32_splat offset=${slot * 4} (local.get $row))`;
const wat = `(module
  (import "env" "memory" (memory 1 65536))
  (func (export "step") (param $param i32) (param $grad i32) (param $state i32) (param $chunk i32) (param $count i32) (param $rows i32)
    (local $row i32) (local $p i32) (local $g i32) (local $m i32) (local $v i32) (local $left i32) (local $gx v128) (local $mx v128) (local $vx v128)
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $count)))
      (local.set $row (i32.add (local.get $rows) (i32.mul (i32.load offset=16 (local.get $chunk)) (i32.const 48))))
      (if (f32.eq (f32.load (local.get $row)) (f32.const 0)) (then
        (local.set $p (i32.add (local.get $param) (i32.shl (i32.load (local.get $chunk)) (i32.const 4))))
        (local.set $g (i32.add (local.get $grad) (i32.shl (i32.load (local.get $chunk)) (i32.const 4))))
        (local.set $m (i32.add (local.get $state) (i32.shl (i32.add (i32.load offset=4 (local.get $chunk)) (i32.load offset=28 (local.get $chunk))) (i32.const 4))))
        (local.set $v (i32.add (local.get $m) (i32.shl (i32.load offset=8 (local.get $chunk)) (i32.const 4))))
        (local.set $left (i32.shr_u (i32.add (i32.load offset=12 (local.get $chunk)) (i32.const 3)) (i32.const 2)))
        (loop $element
          (local.set $gx (v128.load (local.get $g)))
          (local.set $mx (f32x4.add (f32x4.mul ${splat(2)} (v128.load (local.get $m))) (f32x4.mul ${splat(3)} (local.get $gx))))
          (local.set $vx (f32x4.add (f32x4.mul ${splat(4)} (v128.load (local.get $v)))
            (f32x4.mul ${splat(5)} (f32x4.mul (local.get $gx) (local.get $gx)))))
          (v128.store (local.get $m) (local.get $mx))
          (v128.store (local.get $v) (local.get $vx))
          (v128.store (local.get $p) (f32x4.sub (f32x4.mul (v128.load (local.get $p)) ${splat(1)})
            (f32x4.mul ${splat(6)} (f32x4.div (local.get $mx) (f32x4.add (f32x4.div (f32x4.sqrt (local.get $vx)) ${splat(7)}) ${splat(8)})))))
          (local.set $p (i32.add (local.get $p) (i32.const 16)))
          (local.set $g (i32.add (local.get $g) (i32.const 16)))
          (local.set $m (i32.add (local.get $m) (i32.const 16)))
          (local.set $v (i32.add (local.get $v) (i32.const 16)))
          (br_if $element (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))
      (local.set $chunk (i32.add (local.get $chunk) (i32.const 36)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next)))))`;

/** Assembles WAT to base64, as a generated module holds it. */
async function assemble(text: string): Promise<string> {
  const wabt = await loadWabt();
  const module = wabt.parseWat("hand-made.wat", text);
  const { buffer } = module.toBinary({});
  module.destroy();
  return btoa(Array.from(buffer, (byte) => String.fromCharCode(byte)).join(""));
}

let wasm: Promise<string> | undefined;

export function handAdam(): OptimizerDefinition {
  const { table, coefficients } = hostTable();
  const { table: defaults, infos } = hypers();
  const state = (name: string) => ({ name, key: name, doc: null, extent: "elem", format: "f32", scalarSlot: null, init: 0 }) as const;
  return {
    manifest: {
      manifestVersion: 2,
      generator: { name: "optspec", version: "0" },
      source: { file: "hand-made.opt", sha256: "" },
      optimizer: { name: "HandAdam", doc: null },
      hypers: infos,
      defaults,
      options: [{ name: "decay", key: "decay", doc: null, kind: "words", words: ["base", "ratio"], value: "base" }],
      rules: ruleSet(),
      builds: [
        {
          key: "base",
          options: { decay: "base" },
          host: table,
          facts: [],
          formats: { param: "f32", grad: "f32" },
          states: [state("m"), state("v")],
          scalars: null,
          hostStates: [],
          programs: [
            {
              entry: "step",
              rowWidth: 12,
              variants: [{ when: [], coefficients, stateOffsets: [0, 4], hostStores: [] }],
              sweeps: [
                {
                  kind: "sweep",
                  name: "step",
                  workgroup: 256,
                  scalars: false,
                  reads: { param: true, grad: true, state: true },
                  writes: { param: true, state: true },
                },
              ],
              bytesPerElement: [{ read: 16, written: 12 }],
            },
          ],
        },
      ],
    },
    kernels: { base: { wgsl: async () => wgsl, wasm: () => (wasm ??= assemble(wat)) } },
  };
}
