// Parameters added in the middle of a run: a session is made for the longer list, takes over what the one before it kept, bit for bit, and
// takes its place. Until then both are in memory.

import type { OptimizerDefinition } from "../contract/manifest.js";
import type { Device } from "./device.js";
import { OptimizerError, quoteSome, show } from "./errors.js";
import { openSession, type Session } from "./session.js";
import { holdSession } from "./session-holder.js";
import { copyState } from "./state/copy-state.js";
import type { Storage } from "./storage.js";
import type { AddOptions, BaseSettings, ParamSpec } from "./types.js";

/** What an optimizer was made with, and what of it has been changed since. */
export type GivenSettings = BaseSettings & { readonly groups?: unknown };

export interface Grown<View> {
  readonly session: Session<View>;
  readonly given: GivenSettings;
}

/** Opens the longer session. The caller gives the memory of the one before it back. Throws, having changed nothing. */
export async function addParams<View>(
  definition: OptimizerDefinition,
  device: Device<View>,
  before: Session<View>,
  given: GivenSettings,
  added: readonly ParamSpec[],
  options: AddOptions,
): Promise<Grown<View>> {
  if (!Array.isArray(added) || added.length === 0)
    throw new OptimizerError("invalid-parameter", `addParams takes a list of { name, shape, data? }, not ${show(added)}`);
  const old = holdSession(before);
  await old.settle();
  const groups = grownGroups(given, added, options);
  const next = { ...given, params: [...given.params.map(withoutData), ...added], ...(groups !== undefined && { groups }) };
  const session = await openSession(definition, device, next, (storage) => copyParams(before, storage));
  try {
    const holder = holdSession(session);
    const { differences, take } = holder.compareHypers(before.hypers.saved());
    if (differences.length > 0) throw new OptimizerError("invalid-parameter", `hypers cannot be kept: ${differences.join("; ")}`);
    take();
    const own = new Set(before.settings.params.filter(({ memory }) => memory !== null).map(({ name }) => name));
    const lost = await copyState(old, holder, ({ role, param }) => role === "param" && param !== null && own.has(param));
    if (lost.length === 0) return { session, given: next };
    const message = `with these parameters the optimizer would no longer keep ${quoteSome(lost)}`;
    throw new OptimizerError("invalid-parameter", `${message}: give them to an optimizer of their own`);
  } catch (error) {
    session.memory.destroy();
    throw error;
  }
}

/** Parameters, which stand first and in their order in the longer list, with what is kept beside them. */
async function copyParams({ settings, storage }: Session<unknown>, to: Storage<unknown>): Promise<void> {
  const { params, build } = settings;
  const arrays = ["param", ...build.states.flatMap(({ key, master }) => (master === undefined ? [] : [key]))];
  for (const [param, { numel, memory }] of params.entries()) {
    for (const what of arrays) {
      if (what === "param" && memory !== null) continue; // it stays where it is
      for (let first = 0; first < numel; first += PIECE) {
        const kept = await storage.readKept(param, what, "elements", first, Math.min(PIECE, numel - first));
        to.writeKept(param, what, "elements", first, kept);
      }
    }
  }
}

/** Elements of a piece. */
const PIECE = 1 << 20;

/** What a parameter holds now is copied from memory to memory. */
function withoutData({ data: _, ...rest }: ParamSpec): ParamSpec {
  return rest;
}

function grownGroups(given: GivenSettings, added: readonly ParamSpec[], { group }: AddOptions): unknown {
  const { groups } = given;
  const names = added.map(({ name }) => name);
  if (!Array.isArray(groups)) {
    if (group === undefined) return undefined;
    throw new OptimizerError("invalid-setting", "there are no groups: leave `group` out, or create the optimizer with groups");
  }
  if (typeof group === "object" && group !== null) return [...groups, { ...group, params: names }];
  if (typeof group === "number" && groups[group] !== undefined)
    return groups.map((entry, index) => (index === group ? { ...entry, params: [...entry.params, ...names] } : entry));
  const way = `a number from 0 to ${groups.length - 1}, or the hypers of a new one, such as { lr: 0.1 }`;
  throw new OptimizerError("invalid-setting", `\`group\` must say in which group ${quoteSome(names)} are: ${way}; not ${show(group)}`);
}
