// Turns of phrase that messages share.

/** "did you mean `a` or `b`?", or nothing. */
export function didYouMean(nearest: readonly string[]): string | undefined {
  return nearest.length === 0 ? undefined : `did you mean ${listed(nearest, "or")}?`;
}

/** "`a`, `b` or `c`". */
export function listed(words: readonly string[], joiner: "and" | "or"): string {
  const quoted = words.map((word) => `\`${word}\``);
  const last = quoted.pop() ?? "";
  return quoted.length === 0 ? last : `${quoted.join(", ")} ${joiner} ${last}`;
}

/** What an extent gives: "one number for each row". */
export function extentPhrase(extent: string): string {
  const [kind, number] = extent.split(":");
  switch (kind) {
    case "model":
      return "one number for the whole model";
    case "tensor":
      return "one number for each parameter";
    case "unit":
      return "one number for each output unit";
    case "rest":
      return "one number for each place of an output unit";
    case "row":
      return "one number for each row";
    case "col":
      return "one number for each column";
    case "matrix":
      return "one number for each matrix";
    case "axis":
      return `one number for each place on axis ${number}`;
    case "block":
      return `one number for each block of ${number}`;
    default:
      return "one number for each element";
  }
}
