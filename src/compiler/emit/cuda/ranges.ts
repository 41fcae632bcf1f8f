// How a sweep reaches the elements of a cell: their address, what one element or a group of them is in memory, and the lines that load a
// group, update each of its numbers, and store them. Loads give f32 and stores round.

import { QUANTIZED_BLOCK } from "../../../numeric/eight-bit.js";
import { isQuantized } from "../../../numeric/storage-formats.js";
import type { CellId } from "../../ir/value.js";
import type { CellPlace } from "../sweeps.js";
import { elementTypes, formatStructs, groupType, widthOf } from "./formats.js";

/** A cell that a body touches: the pointer to its elements, and what the body calls an element as it was and as it will be. */
export interface Range {
  readonly cell: CellId;
  readonly place: CellPlace;
  readonly pointer: string;
  /** Of what is kept in 8 bits: the pointer to its scales. */
  readonly scales: string | null;
  readonly loaded: string | null;
  readonly stored: string | null;
}

/** Elements that are worked on at once, by one thread. */
export interface Group {
  readonly elements: 1 | 4 | 8;
  /** The local that holds those of a range. */
  readonly name: (range: Range) => string;
  /** Counts groups of so many elements. */
  readonly index: string;
  /** Where a range's scale is. */
  readonly scale: (range: Range) => string;
  /** Of each element: what picks it out of the local, its number in the chunk, and the sums that it is added to. */
  readonly members: readonly Member[];
}

export interface Member {
  readonly suffix: string;
  readonly element: string;
  readonly totals: readonly string[];
}

const localTypes = { 1: "float", 4: "float4", 8: "Eight" } as const;
const letters = ["x", "y", "z", "w"] as const;

/** One element. */
export function oneElement(index: string, totals: readonly string[] = []): Group {
  return {
    elements: 1,
    name: ({ pointer }) => `${pointer}_1`,
    index,
    scale: ({ scales }) => `${scales}[${index} / ${QUANTIZED_BLOCK}u]`,
    members: [{ suffix: "", element: index, totals }],
  };
}

/** Four neighbours; `totals` has what their sums are called. */
export function fourElements(index: string, totals: (member: string) => readonly string[] = () => []): Group {
  return {
    elements: 4,
    name: ({ pointer }) => vectorOf(pointer),
    index,
    scale: ({ scales }) => `${scales}[${index} / ${QUANTIZED_BLOCK / 4}u]`,
    members: letters.map((letter, i) => ({ suffix: `.${letter}`, element: `4u * ${index} + ${i}u`, totals: totals(`.${letter}`) })),
  };
}

/** Eight neighbours of 16 bits. */
export function eightElements(index: string): Group {
  return {
    ...fourElements(index),
    elements: 8,
    name: ({ pointer }) => `${pointer}_8`,
    members: ["a", "b"].flatMap((half, h) =>
      letters.map((letter, i) => ({ suffix: `.${half}.${letter}`, element: `8u * ${index} + ${4 * h + i}u`, totals: [] })),
    ),
  };
}

export const vectorOf = (pointer: string) => `${pointer}_4`;

/** The places of a segment's states in bytes, in words of the tensor's own; `isFloats`: all of them are f32 numbers. */
export function addressOf(place: CellPlace, isFloats: boolean): string {
  if (place.part !== "state") return `tensor.${place.part} + first`;
  const type = elementTypes[place.format];
  if (isFloats) return `tensor.state + ${plus(place.offset / 4, "")}first`;
  const start = `tensor.state${place.offset === 0 ? "" : ` + ${strides(place.offset, "u")}`}`;
  return type === "unsigned char" ? `${start} + first` : `reinterpret_cast<${type}*>(${start}) + first`;
}

/** Where the scales of an 8-bit state are, which stand behind its codes. */
export function scalesAddress(offset: number): string {
  return `reinterpret_cast<float*>(tensor.state + ${strides(offset + 1, "u")}) + first / ${QUANTIZED_BLOCK}u`;
}

function plus(count: number, unit: "" | "u"): string {
  return count === 0 ? "" : `${strides(count, unit)} + `;
}

/** So many times the stride of states; scales are a 64th of the codes before them. */
function strides(count: number, unit: "" | "u"): string {
  const stride = "tensor.state_stride";
  if (!Number.isInteger(count)) return `${count * 64}u * (${stride} / 64u)`;
  return count === 1 ? stride : `${count}${unit} * ${stride}`;
}

/** The type that a pointer to a range's elements has. */
export function pointerType({ place }: Range): string {
  return `${place.part === "grad" ? "const " : ""}${elementTypes[place.format]}*`;
}

/** How many whole groups of `elements` there are where every pointer allows such an access; else none. */
export function groupsText(ranges: readonly Range[], elements: number, access: 4 | 8): string {
  const widths = [4, 2, 1] as const;
  const misaligned = widths.flatMap((width) => {
    const pointers = ranges.filter(({ place }) => widthOf(place.format) === width);
    const bits = pointers.map(({ pointer }) => `reinterpret_cast<unsigned long long>(${pointer})`).join(" | ");
    return pointers.length === 0 ? [] : [`((${bits}) & ${Math.min(16, width * access) - 1}u)`];
  });
  const test = misaligned.length === 0 ? "((0u) & 15u)" : misaligned.length === 1 ? misaligned[0] : `(${misaligned.join(" | ")})`;
  return `${test} == 0u ? count / ${elements}u : 0u`;
}

function elementAt({ pointer, place }: Range, { elements, index }: Group, isLoad: boolean): string {
  if (elements === 1) return `${pointer}[${index}]`;
  const width = widthOf(place.format);
  const isConst = place.part === "grad" || (isLoad && width !== 4);
  return `reinterpret_cast<${isConst ? "const " : ""}${groupType(width, elements)}*>(${pointer})[${index}]`;
}

/** Loads everything once. */
export function loadLines(ranges: readonly Range[], group: Group): string[] {
  return ranges.map((range) => {
    const local = `${localTypes[group.elements]} ${group.name(range)}`;
    return range.loaded === null ? `${local};` : `${local} = ${loadText(range, group)};`;
  });
}

function loadText(range: Range, group: Group): string {
  const { format } = range.place;
  const kept = elementAt(range, group, true);
  if (format === "f32") return kept;
  if (isQuantized(format)) return `decode<${formatStructs[format]}>(${kept}, ${group.scale(range)})`;
  return `widen${group.elements === 8 ? "_eight" : ""}<${formatStructs[format]}>(${kept})`;
}

/** Updates each number; `countsFrom`: what the elements of the chunk are counted from, where the body asks for it. */
export function updateCalls(ranges: readonly Range[], group: Group, countsFrom: string | null): string[] {
  const loaded = ranges.filter((range) => range.loaded !== null);
  const stored = ranges.filter((range) => range.stored !== null);
  return group.members.map(({ suffix, element, totals }) => {
    const number = countsFrom === null ? [] : [`${countsFrom} + ${element}`];
    const operands = [...number, ...[...loaded, ...stored].map((range) => group.name(range) + suffix), ...totals];
    return `update(${operands.join(", ")});`;
  });
}

/** Stores everything once; `scale` names what the codes of a range are times. */
export function storeLines(ranges: readonly Range[], group: Group, scale: (range: Range) => string): string[] {
  return ranges
    .filter((range) => range.stored !== null)
    .map((range) => `${elementAt(range, group, false)} = ${storeText(range, group, scale)};`);
}

function storeText(range: Range, group: Group, scale: (range: Range) => string): string {
  const { format } = range.place;
  const number = group.name(range);
  if (format === "f32") return number;
  if (isQuantized(format)) return `encode<${formatStructs[format]}>(${number}, ${scale(range)})`;
  return `narrow${group.elements === 8 ? "_eight" : ""}<${formatStructs[format]}>(${number})`;
}
