// What a person sees when pointing at a hyperparameter: the spec's words, then its limits and its default as the spec writes it.

import type { HyperSpec, Range, ScheduleSpec } from "../../check/spec.js";
import type { Span } from "../../source.js";
import type { NamedSource } from "../generator.js";

export function hyperDoc(
  spec: NamedSource,
  { name, doc, type, range, fixed, globalBecause, value, span }: HyperSpec,
  schedules: readonly ScheduleSpec[] = [],
): string {
  const textOf = ({ from, to }: Span) => spec.source.text.slice(from, to).replace(/\s+/g, " ");
  const schedule = schedules.find(({ hyper }) => hyper === name);
  const facts = [
    ...(type === "int" ? ["A whole number."] : []),
    ...(range === null ? [] : [`In ${rangeText(range)}.`]),
    ...(fixed ? ["Cannot change after creation."] : []),
    ...(globalBecause === null ? [] : ["One value for the whole model."]),
    // A hyper that the compiler adds stands nowhere in the text; its doc says the default.
    ...(value.span === span ? [] : [`Default: ${textOf(value.span)}.`]),
    ...(schedule === undefined ? [] : [`A number follows \`${textOf(schedule.span)}\`; a function or schedule takes its place.`]),
  ];
  return [...(doc === null ? [] : [doc]), ...(facts.length === 0 ? [] : [facts.join(" ")])].join("\n");
}

function rangeText({ low, high, lowClosed, highClosed }: Range): string {
  const bound = (value: number) => (Number.isFinite(value) ? String(value) : value < 0 ? "-inf" : "inf");
  return `${lowClosed ? "[" : "("}${bound(low)}, ${bound(high)}${highClosed ? "]" : ")"}`;
}
