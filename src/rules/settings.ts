// What a caller decides about rules besides their text.

import type { RangeInfo } from "../contract/manifest.js";

/** What callbacks see of a parameter. */
export interface NamedParam {
  readonly name: string;
  readonly staticName: string;
  readonly shape: readonly number[];
}

/** Checks that a caller may waive; they are then told as warnings. */
export const waivers = ["layer-index", "matches-nothing"] as const;
export type Waiver = (typeof waivers)[number];

export interface RuleSettings {
  /** The caller's value of every hyper at registration. */
  readonly hypers: Readonly<Record<string, number | boolean>>;
  /** The caller's groups: the group of each parameter of the list, and every group's values. */
  readonly groups?: { readonly of: readonly number[]; readonly hypers: readonly RuleSettings["hypers"][] } | undefined;
  /** Names that rules see, by the names of the list. */
  readonly names?: Readonly<Record<string, string>> | undefined;
  readonly allow?: readonly Waiver[] | undefined;
  /** The list holds what this optimizer takes, so arms of `use` that name another one may match nothing. */
  readonly ownOnly?: boolean | undefined;
  readonly lrRatio?: ((param: NamedParam) => number) | undefined;
  readonly applyDecay?: ((param: NamedParam) => boolean) | undefined;
  /** Ranges that a `set` arm must respect. */
  readonly ranges?: Readonly<Record<string, RangeInfo | null>> | undefined;
}

/** The name that rules see. */
export function staticNameOf(name: string, names: RuleSettings["names"]): string {
  return names && Object.hasOwn(names, name) ? names[name]! : name;
}
