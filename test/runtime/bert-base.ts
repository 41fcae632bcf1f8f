// The parameters of BERT-base with its pooler (bert-base-uncased): 199 names and shapes, 109,482,240 elements.

export interface NamedShape {
  readonly name: string;
  readonly shape: readonly number[];
}

const linear = (name: string, outputs: number, inputs: number): NamedShape[] => [
  { name: `${name}.weight`, shape: [outputs, inputs] },
  { name: `${name}.bias`, shape: [outputs] },
];

const norm = (name: string): NamedShape[] => [
  { name: `${name}.weight`, shape: [768] },
  { name: `${name}.bias`, shape: [768] },
];

function layer(name: string): NamedShape[] {
  return [
    ...["query", "key", "value"].flatMap((part) => linear(`${name}.attention.self.${part}`, 768, 768)),
    ...linear(`${name}.attention.output.dense`, 768, 768),
    ...norm(`${name}.attention.output.LayerNorm`),
    ...linear(`${name}.intermediate.dense`, 3072, 768),
    ...linear(`${name}.output.dense`, 768, 3072),
    ...norm(`${name}.output.LayerNorm`),
  ];
}

export const bertBase: readonly NamedShape[] = [
  { name: "embeddings.word_embeddings.weight", shape: [30522, 768] },
  { name: "embeddings.position_embeddings.weight", shape: [512, 768] },
  { name: "embeddings.token_type_embeddings.weight", shape: [2, 768] },
  ...norm("embeddings.LayerNorm"),
  ...Array.from({ length: 12 }, (_, i) => layer(`encoder.layers.${i}`)).flat(),
  ...linear("pooler.dense", 768, 768),
];
