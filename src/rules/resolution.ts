// What resolving yields: for every parameter the arm of every block, and the problems found on the way.

import type { CompiledRules } from "./compiled-rules.js";
import type { RuledMember } from "./hyper-values.js";
import type { RuleProblem } from "./problems.js";

export interface ResolvedParam extends RuledMember {
  readonly name: string;
  /** What rules see. */
  readonly staticName: string;
  /** Its other names, as rules see them. */
  readonly aliases: readonly string[];
  readonly dtype: string | undefined;
  readonly frozen: boolean;
}

export interface Resolution {
  readonly rules: CompiledRules;
  readonly params: readonly ResolvedParam[];
  /** The caller's hypers at registration. */
  readonly hypers: Readonly<Record<string, number | boolean>>;
  /** The same of each of the caller's groups. */
  readonly groups?: readonly Readonly<Record<string, number | boolean>>[] | undefined;
  /** Errors first. */
  readonly problems: readonly RuleProblem[];
}
