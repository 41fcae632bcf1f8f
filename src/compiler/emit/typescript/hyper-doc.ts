// What a person sees when pointing at a hyperparameter: the spec's words, then its limits and its default as the spec writes it.

import type { HyperSpec, Range } from "../../check/spec.js";
import type { NamedSource } from "../generator.js";

export function hyperDoc(spec: NamedSource, { doc, type, range, fixed, globalBecause, value }: HyperSpec): string {
  const written = spec.source.text.slice(value.span.from, value.span.to).replace(/\s+/g, " ");
  const facts = [
    ...(type === "int" ? ["A whole number."] : []),
    ...(range === null ? [] : [`In ${rangeText(range)}.`]),
    ...(fixed ? ["Cannot change after creation."] : []),
    ...(globalBecause === null ? [] : ["One value for the whole model."]),
    `Default: ${written}.`,
  ];
  return [...(doc === null ? [] : [doc]), facts.join(" ")].join("\n");
}

function rangeText({ low, high, lowClosed, highClosed }: Range): string {
  const bound = (value: number) => (Number.isFinite(value) ? String(value) : value < 0 ? "-inf" : "inf");
  return `${lowClosed ? "[" : "("}${bound(low)}, ${bound(high)}${highClosed ? "]" : ")"}`;
}
