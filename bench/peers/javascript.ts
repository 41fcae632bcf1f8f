// Peers in JavaScript, on the CPU: tfjs (wasm), jax-js (wasm), and a plain loop over Float32Arrays.

import type { Contestant } from "../rounds.js";

async function timed(steps: number, step: () => void | Promise<void>): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < steps; i++) await step();
  return (performance.now() - start) / 1e3 / steps;
}

function gaussian(elements: number, seed: number): Float32Array<ArrayBuffer> {
  const data = new Float32Array(elements);
  let state = seed;
  for (let i = 0; i < elements; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    data[i] = state / 2 ** 31;
  }
  return data;
}

/** AdamW as a person writes it in JavaScript: f64 arithmetic on Float32Arrays. */
export function plainLoop(elements: number): Contestant {
  const [p, g, m, v] = [gaussian(elements, 1), gaussian(elements, 2), new Float32Array(elements), new Float32Array(elements)];
  let t = 0;
  const step = (): void => {
    t++;
    const size = 1e-3 / (1 - 0.9 ** t);
    const root = Math.sqrt(1 - 0.999 ** t);
    for (let i = 0; i < elements; i++) {
      const gi = g[i]!;
      const mi = (m[i] = 0.9 * m[i]! + 0.1 * gi);
      const vi = (v[i] = 0.999 * v[i]! + 0.001 * gi * gi);
      const pi = p[i]!;
      p[i] = pi - 1e-3 * 0.01 * pi - size * (mi / (Math.sqrt(vi) / root + 1e-8));
    }
  };
  return { name: "plain JavaScript loop, AdamW", round: (steps) => timed(steps, step) };
}

/** tf.train.adam of tfjs (it has no AdamW, so it does a little less) on its WebAssembly backend. */
export async function tfjsWasm(elements: number): Promise<Contestant> {
  const tf = await import("@tensorflow/tfjs-core");
  const wasm = await import("@tensorflow/tfjs-backend-wasm");
  wasm.setThreadsCount(1);
  await tf.setBackend("wasm");
  await tf.ready();
  const param = tf.variable(tf.tensor1d(gaussian(elements, 1)), true, "param");
  const grad = tf.tensor1d(gaussian(elements, 2));
  const optimizer = tf.train.adam(1e-3);
  return {
    name: "tfjs 4.22 wasm, Adam",
    round: (steps) => timed(steps, () => optimizer.applyGradients([{ name: param.name, tensor: grad }])),
  };
}

/** AdamW written in jax-js, jitted, on its WebAssembly backend. */
export async function jaxWasm(elements: number): Promise<Contestant> {
  const { init, defaultDevice, jit, numpy: np } = await import("@jax-js/jax");
  await init("wasm");
  defaultDevice("wasm");
  type Array = ReturnType<typeof np.array>;
  const update = jit((p: Array, g: Array, m: Array, v: Array, size: Array, root: Array) => {
    const m1 = m.mul(0.9).add(g.ref.mul(0.1));
    const v1 = v.mul(0.999).add(g.ref.mul(g).mul(0.001));
    const step = m1.ref.div(np.sqrt(v1.ref).div(root).add(1e-8)).mul(size);
    return [p.ref.sub(p.mul(1e-5)).sub(step), m1, v1];
  });
  let [p, m, v]: [Array, Array, Array] = [np.array(gaussian(elements, 1)), np.zeros([elements]), np.zeros([elements])];
  const g = np.array(gaussian(elements, 2));
  let t = 0;
  const step = async (): Promise<void> => {
    t++;
    const [p1, m1, v1] = update(p, g.ref, m, v, np.array(1e-3 / (1 - 0.9 ** t)), np.array(Math.sqrt(1 - 0.999 ** t))) as [
      Array,
      Array,
      Array,
    ];
    [p, m, v] = [p1, m1, v1];
    await v.blockUntilReady();
    await p.blockUntilReady();
  };
  return { name: "jax-js 0.1.25 wasm, AdamW jitted", round: (steps) => timed(steps, step) };
}
