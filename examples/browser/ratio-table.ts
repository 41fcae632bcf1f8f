// Which share of the learning rate each part of the model gets, and by which rule.

import type { ExplainTable } from "optspec/runtime";
import { partOf } from "../digits/views/ladder.js";
import { count } from "../digits/views/units.js";

interface Part {
  readonly name: string;
  readonly ratio: number;
  readonly rule: string;
  tensors: number;
  numbers: number;
}

/** Neighbours with equal ratios by one rule, in the order of the parameters. */
function partsOf({ params }: ExplainTable): readonly Part[] {
  const parts: Part[] = [];
  for (const { name, shape, hypers, arms } of params) {
    const [part, ratio, rule] = [partOf(name), hypers.lr?.ratio ?? 1, arms.lr?.text ?? ""];
    let last = parts.at(-1);
    if (last === undefined || last.name !== part || last.ratio !== ratio || last.rule !== rule) {
      last = { name: part, ratio, rule, tensors: 0, numbers: 0 };
      parts.push(last);
    }
    last.tensors++;
    last.numbers += shape.reduce((product, size) => product * size, 1);
  }
  return parts;
}

/** Rows for a table's body. */
export function ratioRows(table: ExplainTable): HTMLTableRowElement[] {
  const parts = partsOf(table);
  const top = Math.max(...parts.map(({ ratio }) => ratio));
  return parts.map(({ name, ratio, rule, tensors, numbers }) => {
    const row = document.createElement("tr");
    const bar = document.createElement("meter");
    bar.max = top;
    bar.value = ratio;
    bar.title = `${ratio}`;
    const [share, code] = [document.createElement("span"), document.createElement("code")];
    share.textContent = ratio.toFixed(3);
    code.textContent = rule;
    for (const content of [[name], [share, bar], [code], [count(tensors)], [count(numbers)]]) row.insertCell().append(...content);
    return row;
  });
}
