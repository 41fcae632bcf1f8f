// Stores of what is kept in 8 bits: by blocks of 256 elements, each with a scale that only all of its numbers tell. A warp takes a block:
// it computes everything, finds the largest size, then stores. In memory of any alignment, and in a tensor's last block, it computes twice
// instead of keeping so many numbers: nothing that the second time reads has been stored by then.

import { QUANTIZED_BLOCK } from "../../../numeric/eight-bit.js";
import { isQuantized } from "../../../numeric/storage-formats.js";
import { BLOCK_THREADS, formatStructs } from "./formats.js";
import { fourElements, type Group, groupsText, loadLines, oneElement, type Range, storeLines, updateCalls } from "./ranges.js";

/** What the loops over blocks call their own. */
export const blockNames = ["lane", "warps", "whole", "block", "e", "end"];

export const scaleOf = (pointer: string) => `${pointer}_scale`;
export const nextOf = (pointer: string) => `${pointer}_next`;
export const largestOf = (pointer: string) => `${pointer}_largest`;
/** The two halves of a block, four elements of each. */
export const halvesOf = (pointer: string) => [`${pointer}_low`, `${pointer}_high`];

/** Whether a body stores anything in 8 bits. */
export function goesByBlocks(ranges: readonly Range[]): boolean {
  return ranges.some(isStoredInBlocks);
}

function isStoredInBlocks({ stored, place }: Range): boolean {
  return stored !== null && isQuantized(place.format);
}

/** The loops over whole blocks and over others. */
export function blockLines(ranges: readonly Range[], countsFrom: string | null): string[] {
  const lane = "threadIdx.x % 32u";
  return [
    `const unsigned int lane = ${lane}, warps = blockDim.x / 32u;`,
    `const unsigned int whole = ${groupsText(ranges, QUANTIZED_BLOCK, 4)};`,
    "unsigned int block = threadIdx.x / 32u;",
    "for (; block < whole; block += warps) {",
    ...wholeBlock(ranges, countsFrom).map((line) => `  ${line}`),
    "}",
    `for (; ${QUANTIZED_BLOCK}u * block < count; block += warps) {`,
    ...anyBlock(ranges, countsFrom).map((line) => `  ${line}`),
    "}",
  ];
}

function wholeBlock(ranges: readonly Range[], countsFrom: string | null): string[] {
  const groups = [0, 1].map((half): Group => {
    const index = `i${half === 0 ? "" : ` + ${BLOCK_THREADS}u`}`;
    const four = fourElements("i");
    const members = four.members.map((member, k) => ({ ...member, element: `4u * i + ${(QUANTIZED_BLOCK / 2) * half + k}u` }));
    return { ...four, index, members, name: ({ pointer }) => halvesOf(pointer)[half]!, scale: ({ pointer }) => scaleOf(pointer) };
  });
  return [
    `const unsigned int i = ${QUANTIZED_BLOCK / 4}u * block + lane;`,
    ...scaleLines(ranges),
    ...groups.flatMap((group) => loadLines(ranges, group)),
    ...groups.flatMap((group) => updateCalls(ranges, group, countsFrom)),
    ...ranges.filter(isStoredInBlocks).map((range) => {
      const [low, high] = groups.map((group) => group.name(range)) as [string, string];
      return nextLine(range, largestText(range, largestText(range, "0", low), high));
    }),
    ...groups.flatMap((group) => storeLines(ranges, group, ({ pointer }) => nextOf(pointer))),
    ...storedScales(ranges),
  ];
}

function anyBlock(ranges: readonly Range[], countsFrom: string | null): string[] {
  const one: Group = { ...oneElement("e"), scale: ({ pointer }) => scaleOf(pointer) };
  const inBlocks = ranges.filter(isStoredInBlocks);
  const each = (lines: readonly string[]) => [
    "#pragma unroll 1",
    `for (unsigned int e = ${QUANTIZED_BLOCK}u * block + lane; e < end; e += 32u) {`,
    ...[...loadLines(ranges, one), ...updateCalls(ranges, one, countsFrom), ...lines].map((line) => `  ${line}`),
    "}",
  ];
  return [
    `const unsigned int end = block < count / ${QUANTIZED_BLOCK}u ? ${QUANTIZED_BLOCK}u * (block + 1u) : count;`,
    ...scaleLines(ranges),
    ...inBlocks.map(({ pointer }) => `int ${largestOf(pointer)} = 0;`),
    ...each(inBlocks.map((range) => `${largestOf(range.pointer)} = ${largestText(range, largestOf(range.pointer), one.name(range))};`)),
    ...inBlocks.map((range) => nextLine(range, largestOf(range.pointer))),
    ...each(storeLines(ranges, one, ({ pointer }) => nextOf(pointer))),
    ...storedScales(ranges),
  ];
}

/** The scales that the block has before. */
function scaleLines(ranges: readonly Range[]): string[] {
  return ranges
    .filter(({ loaded, scales }) => loaded !== null && scales !== null)
    .map(({ pointer, scales }) => `const float ${scaleOf(pointer)} = ${scales}[block];`);
}

function largestText({ place: { format } }: Range, before: string, local: string): string {
  return isQuantized(format) ? `largest<${formatStructs[format]}>(${before}, ${local})` : before;
}

function nextLine({ pointer }: Range, largest: string): string {
  return `const Scale ${nextOf(pointer)} = scale_of(warp_maximum(${largest}));`;
}

function storedScales(ranges: readonly Range[]): string[] {
  return ranges.filter(isStoredInBlocks).map(({ pointer, scales }) => `if (lane == 0u) ${scales}[block] = ${nextOf(pointer)}.scale;`);
}
