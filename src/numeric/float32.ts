// What an arithmetic unit does with binary32: the profile of a device, and every operation of elements under it.

export interface ArithmeticProfile {
  readonly subnormals: "keep" | "flush";
  readonly division: "exact" | "2.5ulp";
  readonly fuses: boolean;
}

export const ieee: ArithmeticProfile = { subnormals: "keep", division: "exact", fuses: false };
export const flushing: ArithmeticProfile = { subnormals: "flush", division: "exact", fuses: false };
