// A first ruleset for a model that nobody has written rules for: layers by depth, embeddings below them, no decay on vectors. It follows
// names alone, so it is a start to edit; the text says so.

import type { ParamInfo, Pattern, PatternSegment } from "../../contract/rules.js";
import { printable } from "../explain-text.js";
import { groupBy } from "../group-by.js";
import { printPattern } from "../print-pattern.js";
import { findFamilies, type LayerFamily, type Named, nameAll, numberedParts } from "./families.js";

export interface InferredRules {
  readonly text: string;
  /** What was found, e.g. `encoder.layers.{n}` with 12 layers. */
  readonly families: readonly { readonly pattern: string; readonly layers: number; readonly tensors: number }[];
  /** Patterns of embeddings. */
  readonly embeddings: readonly string[];
}

/** Names in the texts are shortened beyond this. */
const LONGEST_NAME = 60;
const MOST_NAMED = 6;

const embedding =
  /embed(?!.*(?:out|head))|(?:^|_)emb(?:$|_)|^(?:wte|wpe|shared|stem|conv_stem|class_token|cls_token|dist_token|mask_token)$|_tokens?$/i;

/** Proposes a ruleset of this name. `source` is what the names came from, for its comment. */
export function inferRules(params: readonly ParamInfo[], name: string, source: string): InferredRules {
  const names = nameAll(params);
  const families = findFamilies(names, isEmbedding);
  const inLayers = new Set(families.flatMap(({ members }) => members));
  const outside = names.filter((item) => !inLayers.has(item));
  const embeddings = embeddingPaths(outside);
  const orders = ordersOf(families, embeddings);
  const rest = outside.filter((item) => embeddingAt(item) === -1).map(({ param }) => param.name);
  const body = [
    ...(orders.length > 0
      ? ["  /// Factor between the learning rates of neighbouring layers.", "  hyper layer_decay = 0.9 in (0, 1]"]
      : []),
    ...orders.flatMap(({ title, arms }) => [`  order ${title} {`, ...aligned(arms), "  }"]),
    orders.length > 0
      ? `  scale lr { else => layer_decay ^ (${orders.map(({ title }) => `${title}.max - ${title}`).join(" + ")}) }`
      : "  scale lr { else => 1 }",
    ...decayOf(params),
  ];
  const text = [
    `/// Proposed by \`optspec rules infer\` for ${inComment(source)}: a start to edit. It follows names alone.`,
    "///",
    ...foundIn(families, embeddings, rest).map((line) => `/// Found ${inComment(line)}.`),
    `ruleset ${name} {`,
    ...body,
    "}",
    "",
  ].join("\n");
  return {
    text,
    families: families.map((family) => ({
      pattern: printPattern(patternOf(family.outer.path, numberedParts(family.outer, "n"))),
      layers: family.count,
      tensors: family.members.length,
    })),
    embeddings: embeddings.map((path) => printPattern(patternOf(path))),
  };
}

/** What was found, for the comment above the ruleset. */
function foundIn(families: readonly LayerFamily[], embeddings: readonly (readonly string[])[], rest: readonly string[]): string[] {
  const layers = families.map(({ outer, inner, count }) => {
    const where = printPattern({ ...patternOf(outer.path, numberedParts(outer, "n")), fromStart: false });
    return inner === null ? `${count} layers, ${where}` : `${count} stages, ${where}, whose blocks are numbered through all of them`;
  });
  return [
    ...layers,
    ...(embeddings.length > 0 ? [`embeddings ${listed(embeddings.map((path) => path.join(".")))}`] : []),
    ...(rest.length > 0 ? [`no layer of these, which keep the whole learning rate: ${listed(rest)}`] : []),
  ];
}

/** An embedding's segment stands before any number: behind one it is a layer's own. */
function isEmbedding(item: Named): boolean {
  const at = embeddingAt(item);
  return at !== -1 && !item.segments.slice(0, at).some((segment) => /[0-9]/.test(segment));
}

/** The place of the first segment that names an embedding, or -1. */
function embeddingAt({ segments }: Named): number {
  return segments.findIndex((segment) => embedding.test(segment));
}

/** Where embeddings begin, each place once. */
function embeddingPaths(names: readonly Named[]): readonly (readonly string[])[] {
  const paths = names.flatMap((item) => {
    const at = embeddingAt(item);
    return at === -1 ? [] : [item.segments.slice(0, at + 1)];
  });
  return [...groupBy(paths, (path) => JSON.stringify(path)).values()].map(([path]) => path!);
}

interface Order {
  readonly title: string;
  readonly arms: readonly (readonly [condition: string, tuple: string])[];
}

/** Each family counts its own depth; an embedding is below the family whose names begin most like its own. */
function ordersOf(families: readonly LayerFamily[], embeddings: readonly (readonly string[])[]): readonly Order[] {
  const below = families.map((): (readonly string[])[] => []);
  for (const path of embeddings) {
    const common = families
      .map(({ outer }) => outer.path.findIndex((segment, i) => segment !== path[i]))
      .map((at, i) => (at === -1 ? families[i]!.outer.path.length : at));
    const best = common.indexOf(Math.max(...common));
    below[best]?.push(path);
  }
  const titles = new Set<string>();
  return families.map((family, i): Order => {
    const { outer, inner, beside } = family;
    const [stage, block] = [numberedParts(outer, inner === null ? "n" : "s"), inner === null ? null : numberedParts(inner, "b")];
    const whole = patternOf(outer.path, stage);
    const arms: [string, string][] = [];
    if (below[i]!.length > 0) arms.push([below[i]!.map((path) => quoted(patternOf(path))).join(" or "), "0"]);
    if (block !== null) {
      const deep: PatternSegment[] = [...inner!.path.map(segmentOf), { kind: "parts", parts: block }];
      arms.push([quoted({ ...whole, segments: [...whole.segments, ...deep] }), "(1, s, b)"]);
      if (beside) arms.push([quoted(whole), "(1, s, 0)"]);
    } else arms.push([quoted(whole), "(1, n)"]);
    return { title: titleOf(family, families.length, titles), arms: [...arms, ["else", "2"]] };
  });
}

const common = /^(model|encoder|layers?|blocks?|h|transformer|backbone|base_model|stages?|module|resblocks)$/i;

/** A name for the order of a family: what its path has of its own. */
function titleOf({ outer }: LayerFamily, families: number, taken: Set<string>): string {
  const own = outer.path.filter((segment) => !common.test(segment));
  const word = (own[0] ?? outer.path[0] ?? outer.before).replace(/[^A-Za-z0-9]+/g, "_").replace(/^[_0-9]+|_+$/g, "");
  const stem = families === 1 ? "depth" : word === "" ? "part_depth" : `${word.slice(0, 24)}_depth`;
  let title = stem;
  for (let n = 2; taken.has(title); n++) title = `${stem}_${n}`;
  taken.add(title);
  return title;
}

/** Vectors do not decay: norms and biases. By shape where the list tells shapes, else by name. */
function decayOf(params: readonly ParamInfo[]): readonly string[] {
  const shaped = params.some(({ shape }) => shape.length > 1);
  if (shaped) {
    return params.some(({ shape }) => shape.length <= 1) ? ["  set weight_decay { rank <= 1 => 0   else => weight_decay }"] : [];
  }
  const conditions = [
    ...(params.some(({ name }) => name.includes("bias")) ? ['contains("bias")'] : []),
    ...(params.some(({ name }) => name.includes("norm")) ? ['contains("norm")'] : []),
  ];
  return conditions.length === 0 ? [] : [`  set weight_decay { ${conditions.join(" or ")} => 0   else => weight_decay }`];
}

function patternOf(path: readonly string[], last?: ReturnType<typeof numberedParts>): Pattern {
  const segments = path.map(segmentOf);
  return { text: "", fromStart: true, toEnd: false, segments: last ? [...segments, { kind: "parts", parts: last }] : segments };
}

/** A segment that no pattern can spell (an empty one, half a surrogate pair) is any text. */
function segmentOf(segment: string): PatternSegment {
  const spelled = segment !== "" && !/\p{Surrogate}/u.test(segment);
  return { kind: "parts", parts: [spelled ? { kind: "text", text: segment } : { kind: "star" }] };
}

/** A pattern as a string of the language. */
function quoted(pattern: Pattern): string {
  const inner = printPattern(pattern).replace(/[\\"]/g, "\\$&");
  return `"${inner.replace(/[^\x20-\x7e]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)}"`;
}

function aligned(arms: Order["arms"]): string[] {
  const width = Math.max(...arms.map(([condition]) => condition.length));
  return arms.map(([condition, tuple]) => `    ${condition.padEnd(width)} => ${tuple}`);
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMED).join(", ");
  return names.length > MOST_NAMED ? `${shown} and ${names.length - MOST_NAMED} more` : shown;
}

/** Names inside a comment: one line, nothing invisible. */
function inComment(text: string): string {
  return printable(text)
    .split(" ")
    .map((word) => (word.length > LONGEST_NAME ? `${word.slice(0, LONGEST_NAME)}…` : word))
    .join(" ");
}
