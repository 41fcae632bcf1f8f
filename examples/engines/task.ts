// What every engine of this folder trains: a network of one hidden layer, on samples of another such network. Numbers are the same
// everywhere, so that losses can be compared between engines.

export const INPUTS = 8;
export const HIDDEN = 16;
export const SAMPLES = 64;

export interface Parameter {
  readonly name: "hidden.weight" | "hidden.bias" | "output.weight" | "output.bias";
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** Numbers in [-1, 1), the same in every engine. */
function numbers(count: number, seed: number, scale = 1): Float32Array<ArrayBuffer> {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return scale * (state / 2 ** 31 - 1);
  });
}

/** Weights are [in, out]; the last bias is a single number, which no group of 4 fills. */
export function parameters(seed: number): readonly Parameter[] {
  return [
    { name: "hidden.weight", shape: [INPUTS, HIDDEN], data: numbers(INPUTS * HIDDEN, seed, 0.5) },
    { name: "hidden.bias", shape: [HIDDEN], data: numbers(HIDDEN, seed + 1, 0.5) },
    { name: "output.weight", shape: [HIDDEN, 1], data: numbers(HIDDEN, seed + 2, 0.5) },
    { name: "output.bias", shape: [1], data: numbers(1, seed + 3, 0.5) },
  ];
}

/** tanh(x W1 + b1) W2 + b2, in plain JavaScript: [samples, 1]. */
export function predict(inputs: Float32Array, [w1, b1, w2, b2]: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: inputs.length / INPUTS }, (_, sample) => {
    let sum = b2![0]!;
    for (let h = 0; h < HIDDEN; h++) {
      let x = b1![h]!;
      for (let i = 0; i < INPUTS; i++) x += inputs[sample * INPUTS + i]! * w1![i * HIDDEN + h]!;
      sum += Math.tanh(x) * w2![h]!;
    }
    return sum;
  });
}

/** Inputs [samples, INPUTS] and what the network is to say of them [samples, 1]. */
export function samples(): { readonly inputs: Float32Array<ArrayBuffer>; readonly targets: Float32Array<ArrayBuffer> } {
  const inputs = numbers(SAMPLES * INPUTS, 7);
  const teacher = parameters(100).map(({ data }) => data);
  return { inputs, targets: predict(inputs, teacher) };
}
