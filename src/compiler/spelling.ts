// How a spec's names are spelled in generated code: Greek letters in ASCII, and camelCase for TypeScript.
// The checker refuses names that meet after conversion; the namers of `emit/` add the words that a target reserves.

const greek =
  "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma sigma tau upsilon phi chi psi omega".split(
    " ",
  );

const FIRST_SMALL = 0x3b1;
const FIRST_CAPITAL = 0x391;

/** A name in ASCII letters, digits and `_`: `β1` becomes `beta1`, `Δ` becomes `Delta`; anything else becomes `_`. */
export function asciiName(name: string): string {
  return name.normalize("NFKD").replace(/[^\w]/gu, (letter) => {
    const code = letter.codePointAt(0)!;
    const small = greek[code - FIRST_SMALL];
    if (small !== undefined) return small;
    const capital = greek[code - FIRST_CAPITAL];
    if (capital !== undefined) return capital[0]!.toUpperCase() + capital.slice(1);
    return /\p{Mark}/u.test(letter) ? "" : "_";
  });
}

/** The camelCase form of a name: `weight_decay` becomes `weightDecay`, `_x_` becomes `x`, `K` stays `K`. */
export function camelCase(name: string): string {
  const words = asciiName(name)
    .split("_")
    .filter((word) => word !== "");
  const [first = "_", ...rest] = words;
  const joined = first + rest.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
  return /^\d/.test(joined) ? `_${joined}` : joined;
}
