// Literals of binary32 that every compiler reads as the same bits.

/** A finite f32: in decimal where that is short and exact, else in hexadecimal, `0x1.99999ap-4`. */
export function hexFloat(value: number): string {
  if (!Number.isFinite(value) || Math.fround(value) !== value) throw new Error(`bug: ${value} is not a finite f32`);
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const magnitude = Math.abs(value);
  if (isShortDecimal(magnitude)) return sign + (Number.isInteger(magnitude) ? `${magnitude}.0` : String(magnitude));
  const exponent = Math.max(Math.floor(Math.log2(magnitude)), -126);
  const units = Math.round(magnitude * 2 ** (23 - exponent));
  const lead = Math.floor(units / 2 ** 23);
  const fraction = ((units % 2 ** 23) * 2).toString(16).padStart(6, "0").replace(/0+$/, "");
  return `${sign}0x${lead}${fraction === "" ? "" : `.${fraction}`}p${exponent < 0 ? "" : "+"}${exponent}`;
}

/** Whole numbers and multiples of 1/64 below 2^20: their decimal digits are all of them. */
function isShortDecimal(magnitude: number): boolean {
  return magnitude < 2 ** 20 && Number.isInteger(magnitude * 64);
}
