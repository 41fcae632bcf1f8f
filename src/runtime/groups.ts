// Groups of parameters with hypers of their own. In a group `lr` multiplies the optimizer's learning rate, as in Paddle, and
// `lr: { absolute: x }` takes its place; every other hyper's value does. A number follows the optimizer's schedule, a function or
// schedule follows itself. Every parameter stands in exactly one group; groups change coefficients, never a launch.

import type { HyperInfo, Manifest } from "../contract/manifest.js";
import { didYouMean, OptimizerError, quote, quoteSome, show } from "./errors.js";
import { acceptSource, type GivenHyper, invalid } from "./hyper-sources.js";

/** What a group says of a hyper: a factor on the optimizer's value, or a value in its place. */
export interface Override {
  readonly form: "factor" | "value";
  readonly source: GivenHyper;
}

export interface Group {
  /** Names of its parameters. */
  readonly params: readonly string[];
  /** By settings key. */
  readonly overrides: ReadonlyMap<string, Override>;
}

/** Reads the setting `groups` over these parameters; none where it is left out. */
export function readGroups(
  value: unknown,
  { hypers }: Pick<Manifest, "hypers">,
  params: readonly { readonly name: string }[],
): readonly Group[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length === 0)
    throw fail("groups", `must be a list such as [{ params: [...], lr: 0.1 }], not ${show(value)}`);
  const groups = value.map((entry: unknown, index) => readGroup(entry, `groups[${index}]`, hypers));
  checkPartition(groups, params);
  return groups;
}

function fail(setting: string, message: string): OptimizerError {
  return new OptimizerError("invalid-setting", `${setting} ${message}`);
}

function readGroup(entry: unknown, label: string, hypers: readonly HyperInfo[]): Group {
  if (typeof entry !== "object" || entry === null) throw fail(label, `must be { params: [...] } with hypers, not ${show(entry)}`);
  const { params, ...given } = entry as Readonly<Record<string, unknown>>;
  if (!Array.isArray(params)) throw fail(`${label}.params`, `must be a list of parameter names, not ${show(params)}`);
  for (const [index, name] of params.entries())
    if (typeof name !== "string") throw fail(`${label}.params[${index}]`, `must be a parameter's name, not ${show(name)}`);
  const overrides = new Map<string, Override>();
  for (const [key, value] of Object.entries(given)) {
    const info = hypers.find((hyper) => hyper.key === key);
    if (info === undefined) {
      const keys = ["params", ...hypers.map((hyper) => hyper.key)];
      throw new OptimizerError(
        "unknown-setting",
        `${label} has no setting ${quote(key)}${didYouMean(key, keys)}; settings: ${keys.join(", ")}`,
      );
    }
    if (value !== undefined) overrides.set(key, acceptOverride(info, value, `${label}.${key}`));
  }
  return { params: params as readonly string[], overrides };
}

/** What a group may give for a hyper. */
export function acceptOverride(info: HyperInfo, value: unknown, setting: string): Override {
  const whole = (why: string) => new OptimizerError("invalid-setting", `${setting} cannot be given to a group: ${info.name} ${why}`);
  if (info.fixed) throw whole("is fixed, one number for all parameters");
  if (info.globalBecause !== null) throw whole(`flows into a number of the whole model, at ${info.globalBecause}`);
  if (info.name !== "lr") return { form: "value", source: acceptSource(info, value, setting) };
  if (typeof value === "object" && value !== null && Object.keys(value).join() === "absolute")
    return { form: "value", source: acceptSource(info, (value as { readonly absolute: unknown }).absolute, `${setting}.absolute`) };
  if (typeof value === "function") return { form: "factor", source: value as GivenHyper };
  if (typeof value !== "number" || !Number.isFinite(value))
    throw invalid(setting, "a finite factor on the optimizer's lr, or { absolute: lr }", value);
  return { form: "factor", source: value };
}

/** Every parameter stands in one group, and every name is a parameter's. */
function checkPartition(groups: readonly Group[], params: readonly { readonly name: string }[]): void {
  const known = new Set(params.map(({ name }) => name));
  const taken = new Map<string, number>();
  for (const [group, { params: members }] of groups.entries()) {
    for (const name of members) {
      if (!known.has(name)) throw fail(`groups[${group}]`, `names ${quote(name)}, which is no parameter${didYouMean(name, known)}`);
      const before = taken.get(name);
      if (before === group) throw fail(`groups[${group}]`, `names parameter ${quote(name)} twice`);
      if (before !== undefined)
        throw fail(`parameter ${quote(name)}`, `stands in two groups, groups[${before}] and groups[${group}]: leave it in one`);
      taken.set(name, group);
    }
  }
  const left = [...known].filter((name) => !taken.has(name));
  if (left.length > 0) {
    const what = left.length === 1 ? "parameter" : "parameters";
    throw fail(
      `${what} ${quoteSome(left)}`,
      `${left.length === 1 ? "stands" : "stand"} in no group: add ${left.length === 1 ? "it" : "them"} to one`,
    );
  }
}

/** The group of each parameter, by index; 0 where there are no groups. */
export function groupOfParams(groups: readonly Group[], params: readonly { readonly name: string }[]): readonly number[] {
  const places = new Map(groups.flatMap((group, index) => group.params.map((name) => [name, index] as const)));
  return params.map(({ name }) => places.get(name) ?? 0);
}

/** A group's hyper as the caller writes it. */
export function groupSetting(group: number, key: string): string {
  return `groups[${group}].${key}`;
}
