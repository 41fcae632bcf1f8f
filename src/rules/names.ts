// Parameter names as rules see them: split at every `.` and `/`, without the segments that wrappers of a framework insert.
// Reports show the original name.

const anywhere: ReadonlySet<string> = new Set(["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_fpw_module"]);
const leading: ReadonlySet<string> = new Set(["module", "_forward_module", "_layers", "_ddp_module"]);

/** Finds a wrapper's segment; most names have none, and nothing more is to do for them. */
const wrapped = new RegExp(`(?:^|[./])(?:${[...anywhere, ...leading].join("|")})[./]`);

/** The segments of a name, empty ones too. */
function splitName(name: string): string[] {
  return name.includes("/") ? name.split(/[./]/) : name.split(".");
}

/** The segments that patterns are matched against; the last segment always stays. */
export function nameSegments(name: string): readonly string[] {
  const segments = splitName(name);
  if (!wrapped.test(name)) return segments;
  const last = segments.length - 1;
  const kept = segments.filter((segment, i) => i === last || !anywhere.has(segment));
  let first = 0;
  while (first < kept.length - 1 && leading.has(kept[first]!)) first++;
  return first === 0 ? kept : kept.slice(first);
}

/** The wrapper segments that `nameSegments` drops, in order. */
export function wrapperSegments(name: string): readonly string[] {
  if (!wrapped.test(name)) return [];
  const segments = splitName(name);
  if (segments.length === nameSegments(name).length) return [];
  return segments.filter((segment, i) => i < segments.length - 1 && (anywhere.has(segment) || leading.has(segment)));
}

/** True for a flattened parameter of FSDP, which has lost the names and shapes that it is made of. */
export function isFlatParameter(name: string): boolean {
  return name.includes("_flat_param") && splitName(name).some((segment) => segment === "_flat_param" || segment.startsWith("_flat_param_"));
}
