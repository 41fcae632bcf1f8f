// The element types of safetensors files: how many bytes, and how their numbers are read.

import { widenBfloat16, widenFloat16 } from "../../numeric/float16.js";

interface DtypeRow {
  readonly bytes: number;
  /** Null where the numbers are not read here. */
  readonly read: ((view: DataView, at: number) => number) | null;
}

export const dtypes = {
  F64: { bytes: 8, read: (v, at) => v.getFloat64(at, true) },
  F32: { bytes: 4, read: (v, at) => v.getFloat32(at, true) },
  F16: { bytes: 2, read: (v, at) => widenFloat16(v.getUint16(at, true)) },
  BF16: { bytes: 2, read: (v, at) => widenBfloat16(v.getUint16(at, true)) },
  /** Beyond 2^53 the nearest number. */
  I64: { bytes: 8, read: (v, at) => Number(v.getBigInt64(at, true)) },
  U64: { bytes: 8, read: (v, at) => Number(v.getBigUint64(at, true)) },
  I32: { bytes: 4, read: (v, at) => v.getInt32(at, true) },
  U32: { bytes: 4, read: (v, at) => v.getUint32(at, true) },
  I16: { bytes: 2, read: (v, at) => v.getInt16(at, true) },
  U16: { bytes: 2, read: (v, at) => v.getUint16(at, true) },
  I8: { bytes: 1, read: (v, at) => v.getInt8(at) },
  U8: { bytes: 1, read: (v, at) => v.getUint8(at) },
  BOOL: { bytes: 1, read: (v, at) => (v.getUint8(at) === 0 ? 0 : 1) },
  F8_E4M3: { bytes: 1, read: null },
  F8_E5M2: { bytes: 1, read: null },
} as const satisfies Record<string, DtypeRow>;

export type Dtype = keyof typeof dtypes;

/** Whether this is a spelling of the table, and not something every object has. */
export function isDtype(text: unknown): text is Dtype {
  return typeof text === "string" && Object.hasOwn(dtypes, text);
}
