// The ruleset for timm's Swin models, the names of such a model, and layer numbers counted as timm counts them: block by block over
// stages, the down-sampling with the first block of its stage, the final norm with the last block, the head after all.

import type { ParamInfo } from "../../src/contract/rules.js";

export const swinText = `/// Layer-wise lr decay for timm-style Swin, whatever its depths.
ruleset SwinLayerDecay {
  /// Ratio of neighbouring layers.
  hyper layer_decay = 0.9 in (0, 1]
  hyper min_scale   = 0   in [0, 1]
  order depth {
    "^patch_embed"           => 0
    "^layers.{s}.downsample" => (1, s, 0)
    "^layers.{s}.blocks.{b}" => (1, s, b)
    "^norm"                  => (1, last)
    else                     => 2
  }
  scale lr         { else => max(min_scale, layer_decay ^ (depth.max - depth)) }
  set weight_decay { rank <= 1 or "relative_position_bias_table" => 0   else => weight_decay }
}`;

export interface Layered extends ParamInfo {
  readonly layer: number;
}

/** Parameters of a Swin with these depths; `layer` counts from the patch embedding. */
export function swinModel(depths: readonly number[]): Layered[] {
  const blocks = depths.reduce((sum, depth) => sum + depth, 0);
  const layers = depths.flatMap((depth, s): Layered[] => {
    const before = depths.slice(0, s).reduce((sum, d) => sum + d, 0);
    const down = s === 0 ? [] : [{ name: `layers.${s}.downsample.reduction.weight`, shape: [8, 16], layer: before + 1 }];
    const inside = Array.from({ length: depth }, (_, b): Layered[] => [
      { name: `layers.${s}.blocks.${b}.attn.qkv.weight`, shape: [24, 8], layer: before + b + 1 },
      { name: `layers.${s}.blocks.${b}.attn.relative_position_bias_table`, shape: [169, 4], layer: before + b + 1 },
      { name: `layers.${s}.blocks.${b}.norm1.bias`, shape: [8], layer: before + b + 1 },
    ]);
    return [...down, ...inside.flat()];
  });
  return [
    { name: "patch_embed.proj.weight", shape: [8, 3, 4, 4], layer: 0 },
    ...layers,
    { name: "norm.weight", shape: [8], layer: blocks },
    { name: "head.fc.weight", shape: [10, 8], layer: blocks + 1 },
  ];
}
