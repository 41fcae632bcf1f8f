// The bits of binary32 numbers.

const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);

/** The 32 bits of x, rounded to binary32. */
export const bitsOf = (x: number): number => {
  single[0] = x;
  return word[0]!;
};

/** The number that 32 bits stand for. */
export const numberOf = (bits: number): number => {
  word[0] = bits;
  return single[0]!;
};
