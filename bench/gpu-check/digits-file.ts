// The few digits that travel: pixels and labels of both kinds of images, as they stand in memory, behind their two counts.

import { type Digits, type Images, PATCH_PIXELS, PATCHES } from "../../examples/digits/digits.js";

const PIXELS = PATCHES * PATCH_PIXELS;
const LABELS = 10;

export function packDigits({ training, heldOut }: Digits): Uint8Array {
  const counts = Uint32Array.of(training.count, heldOut.count);
  const parts = [counts, training.pixels, training.labels, heldOut.pixels, heldOut.labels];
  return Buffer.concat(parts.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength)));
}

export function unpackDigits(bytes: Uint8Array): Digits {
  const { buffer } = Uint8Array.from(bytes);
  const [training = 0, heldOut = 0] = new Uint32Array(buffer, 0, 2);
  let at = 8;
  const take = (length: number) => {
    const numbers = new Float32Array(buffer, at, length);
    at += numbers.byteLength;
    return numbers;
  };
  const images = (count: number): Images => ({ count, pixels: take(count * PIXELS), labels: take(count * LABELS) });
  return { training: images(training), heldOut: images(heldOut) };
}
