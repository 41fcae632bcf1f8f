// The models that a step is timed on: parameter shapes as published.

export interface Model {
  readonly name: string;
  readonly sizes: readonly number[];
}

const repeat = (times: number, sizes: readonly number[]): number[] => Array.from({ length: times }, () => sizes).flat();

/** BERT-base: 12 layers of width 768. */
const bertBase: Model = {
  name: "BERT-base",
  sizes: [
    ...[30_522 * 768, 512 * 768, 2 * 768, 768, 768],
    ...repeat(12, [...repeat(4, [768 * 768, 768]), 768, 768, 3_072 * 768, 3_072, 768 * 3_072, 768, 768, 768]),
    ...[768 * 768, 768],
  ],
};

/** Llama-3.2-1B: 16 layers of width 2,048 with 8 key heads of 64, tied embeddings. */
const llama: Model = {
  name: "Llama-3.2-1B",
  sizes: [
    128_256 * 2_048,
    ...repeat(16, [2_048 * 2_048, 512 * 2_048, 512 * 2_048, 2_048 * 2_048, ...repeat(3, [8_192 * 2_048]), 2_048, 2_048]),
    2_048,
  ],
};

export interface Case {
  readonly name: string;
  readonly model: Model;
  /** Distinct learning rates: 1, 28, or one for each tensor. */
  readonly rates: number;
  /** Which rows of ROW elements have gradients, and so moments, that are not zero: 1 all of them, 20 every twentieth, 0 none. */
  readonly filledRow: number;
}

/** Elements of a row: BERT-base's width. */
export const ROW = 768;

/** One tensor, on which ways of keeping numbers are compared: many times what a cache holds. */
export function storageCase(divisor = 1): Case {
  const model = { name: "one tensor of 2^28", sizes: [Math.max(4096, Math.floor(2 ** 28 / divisor))] };
  return { name: model.name, model, rates: 1, filledRow: 1 };
}

/** The cases; every size divided by `divisor`, for a look at the program itself. */
export function timedCases(divisor = 1): readonly Case[] {
  const small = ({ name, sizes }: Model): Model => ({ name, sizes: sizes.map((size) => Math.max(1, Math.floor(size / divisor))) });
  const one = small({ name: "one tensor of 1e9", sizes: [1e9] });
  const many = { name: "10,000 tensors of 1,024", sizes: repeat(Math.ceil(10_000 / divisor), [1_024]) };
  const rated = [bertBase, llama].flatMap((model) =>
    [1, 28, model.sizes.length].map(
      (rates): Case => ({ name: `${model.name}, ${rates} learning rates`, model: small(model), rates, filledRow: 1 }),
    ),
  );
  return [
    { name: one.name, model: one, rates: 1, filledRow: 1 },
    ...rated,
    { name: many.name, model: many, rates: 1, filledRow: 1 },
    { name: "BERT-base, gradients and moments zero", model: small(bertBase), rates: 1, filledRow: 0 },
    { name: "BERT-base, 95 % of rows zero", model: small(bertBase), rates: 1, filledRow: 20 },
  ];
}
