// Random numbers of a counter: the same on every target, whatever the order in which elements are worked on. lowbias32 is Chris Wellons's
// hash of 32 bits (https://github.com/skeeto/hash-prospector): WGSL multiplies 32 by 32 bits into 32, and that is all it needs.

/** A permutation of the numbers of 32 bits that leaves no pattern. */
export function lowbias32(x: number): number {
  let h = x >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d) >>> 0;
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b) >>> 0;
  return (h ^ (h >>> 16)) >>> 0;
}

/** What all elements of a tensor share at a step; seed and step are whole numbers from 0, the tensor is its number in the list. */
export function randomKey(seed: number, step: number, tensor: number): number {
  const ofTensor = lowbias32((tensor + 0x9e3779b9) >>> 0);
  return lowbias32((lowbias32((ofTensor ^ (step >>> 0)) >>> 0) ^ (seed >>> 0)) >>> 0);
}

/** 16 random bits for an element, by its place in the tensor. */
export function random16(key: number, element: number): number {
  return lowbias32((key ^ (element >>> 0)) >>> 0) >>> 16;
}
