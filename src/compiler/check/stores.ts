// `store` clauses: how a parameter, its gradient and its states are kept in memory. What a name means is f32 everywhere in the text.

import { nearest } from "../../nearest-names.js";
import { QUANTIZED_BLOCK } from "../../numeric/eight-bit.js";
import type { StorageFormat } from "../../numeric/storage-formats.js";
import type { StoreDecl, StoreEntry } from "../syntax/ast.js";
import type { Env } from "./context.js";
import { checkWhen } from "./declarations.js";
import type { StoreSpec } from "./spec.js";

/** Every entry that stands; all else is reported. Conditions are named sets of the optimizer's like those of its states. */
export function checkStores(decls: readonly StoreDecl[], env: Env): readonly StoreSpec[] {
  const stores: StoreSpec[] = [];
  for (const entry of decls.flatMap(({ entries }) => entries)) {
    const { name, span } = entry.name;
    const before = stores.find(({ cell }) => cell === name);
    if (before !== undefined) env.ctx.reporter.report("store-twice", { name }, span, [{ span: before.span, text: "the other one" }]);
    else if (isCell(entry, env)) {
      const format = formatOf(entry, env);
      const when = entry.when === null ? null : checkWhen(entry.when, env);
      if (format !== null) stores.push({ cell: name, format, master: entry.codec.kind === "q8" ? null : entry.codec.master, when, span });
    }
  }
  return stores;
}

/** Whether the name is one of a parameter's own arrays, or of a state that has a number for each element. */
function isCell({ name: { name, span }, when }: StoreEntry, { ctx }: Env): boolean {
  if (name === "param" || name === "grad") {
    if (when === null) return true;
    ctx.reporter.report("store-condition", { name }, when.span);
    return false;
  }
  const state = ctx.states.get(name)?.spec;
  if (state === undefined) {
    const known = ["param", "grad", ...ctx.states.keys()];
    ctx.reporter.report("store-unknown", { name, nearest: nearest(name, known) }, span);
    return false;
  }
  if (state.home === "device" && state.extent === "elem") return true;
  ctx.reporter.report("store-not-elements", { name, extent: state.home === "host" ? "host" : state.extent }, span);
  return false;
}

function formatOf({ name: { name, span }, codec }: StoreEntry, { ctx }: Env): StorageFormat | null {
  const isState = name !== "param" && name !== "grad";
  if (codec.kind === "q8") {
    if (!isState) ctx.reporter.report("store-format", { name, format: "q8" }, span);
    else if (codec.block !== QUANTIZED_BLOCK) ctx.reporter.report("store-block", { block: codec.block, only: QUANTIZED_BLOCK }, span);
    else return codec.sign === "unsigned" ? "q8u" : "q8s";
    return null;
  }
  const { kind, master } = codec;
  if (master === null) return kind;
  if (name === "param" && (kind === "bf16" || (kind === "f16" && master === "f32"))) return kind;
  ctx.reporter.report("store-master", { name, format: kind, master }, span);
  return null;
}
