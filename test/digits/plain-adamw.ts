// AdamW in plain JavaScript behind the interface that training asks for: what the compiled optimizer is compared with.

import type { Parameter } from "../../examples/digits/model.js";
import type { Trainer } from "../../examples/digits/train.js";

export interface PlainSettings {
  readonly lr: (step: number) => number;
  /** Factor of a parameter's learning rate. */
  readonly ratio: (name: string) => number;
}

/** AdamW in float64 with float32 storage; defaults of the AdamWDL spec. Decay uses the learning rate before its ratio. */
export function plainAdamW(parameters: readonly Parameter[], { lr, ratio }: PlainSettings): Trainer {
  const states = new Map(
    parameters.map(({ name, data }) => [
      name,
      { param: data.slice(), moment1: new Float32Array(data.length), moment2: new Float32Array(data.length) },
    ]),
  );
  let steps = 0;
  return {
    async step({ gradients } = {}) {
      const base = lr(steps++);
      for (const [name, { param, moment1, moment2 }] of states) {
        const grad = (gradients as Record<string, Float32Array>)[name]!;
        const size = (base * ratio(name)) / (1 - 0.9 ** steps);
        for (let i = 0; i < param.length; i++) {
          moment1[i] = 0.9 * moment1[i]! + (1 - 0.9) * grad[i]!;
          moment2[i] = 0.999 * moment2[i]! + (1 - 0.999) * grad[i]! ** 2;
          const root = Math.sqrt(moment2[i]!) / Math.sqrt(1 - 0.999 ** steps) + 1e-8;
          param[i] = param[i]! * (1 - base * 0.01) - size * (moment1[i]! / root);
        }
      }
    },
    tensor: (name) => ({ param: states.get(name)!.param, grad: null }),
    download: async (name) => states.get(name)!.param.slice(),
  };
}
