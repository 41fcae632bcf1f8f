// Where everything lives: tensors in arenas (one buffer of parameters, one of gradients), arenas cut at chunk boundaries into banks
// (what one launch can bind), the part of a tensor inside a bank is a segment and has its states side by side in the bank's state range.
// A tensor in the caller's own memory is an arena of its own. A tensor never straddles arenas, a chunk never straddles tensors or banks.
// Pure data for given limits. Units: elements, and bytes of states.

import { CHUNK_ELEMENTS, CHUNK_FIELDS, CHUNK_WORDS, ROW_PAGES } from "../contract/manifest.js";
import { QUANTIZED_BLOCK } from "../numeric/eight-bit.js";
import { formatBytes } from "../numeric/storage-formats.js";
import type { ArenaLayout, BankLayout, CallerMemory, DeviceLimits, MemoryFormats, MemoryLayout, ScalarLayout } from "./device.js";
import { OptimizerError, quote } from "./errors.js";
import { layOutScalars, rowChunkRoom, type ScalarSlots } from "./scalar-layout.js";

/** WebGPU's strictest alignment of offsets, in bytes. Banks and the states of segments start at multiples of it. */
const ALIGNMENT_BYTES = 256;
/** The same in elements, for the narrowest format of a parameter. Tensors start at multiples of it. */
const ALIGNMENT = 128;
/** Kernels work on whole groups of 4 elements. */
const VECTOR = 4;
const F32_BYTES = 4;
/** States have room for so many elements, or a multiple. */
const STRIDE = QUANTIZED_BLOCK;
/** Bytes of a unit in which a chunk says where its states begin. */
const STATE_UNIT = 16;
const ROW_WORD = CHUNK_FIELDS.indexOf("row");
const TENSOR_WORD = CHUNK_FIELDS.indexOf("tensor");

export interface TensorSize {
  readonly name: string;
  readonly elements: number;
  /** Bytes that an element has in all states. */
  readonly stateBytes: number;
  /** The caller's memory that holds it; null or absent: ours. */
  readonly own?: CallerMemory | null;
  /** Elements of a row, a multiple of 4, where single rows may be worked on; 0 or absent: only the whole tensor. */
  readonly rowElements?: number;
}

/** The part of a tensor that lies in one bank. A state before which an element has b bytes starts at byte `stateFirst + b * stateStride` of the arena's states. */
export interface Segment {
  readonly bank: number;
  /** First element, counted in the tensor. */
  readonly first: number;
  readonly elements: number;
  readonly stateFirst: number;
  /** Elements that each state has room for. */
  readonly stateStride: number;
  /** Number of its first chunk in the bank's table. */
  readonly chunk: number;
}

export interface TensorPlace {
  readonly arena: number;
  /** First element in the arena's parameters and gradients. */
  readonly offset: number;
  readonly elements: number;
  readonly segments: readonly Segment[];
}

export interface Layout {
  readonly memory: MemoryLayout;
  /** One for each tensor, in the order given. */
  readonly tensors: readonly TensorPlace[];
}

/** Byte addresses of an arena's sections where all share one memory. */
export interface UnifiedSections {
  readonly param: number;
  readonly grad: number;
  readonly state: number;
  /** Of the first bank's chunk table; the others follow. */
  readonly chunks: number;
  readonly rows: number;
  /** An arena's copy of the memory of scalars and of the table of tensors; empty where there are none. */
  readonly scalars: number;
  readonly tensors: number;
  readonly bytes: number;
}

const roundUp = (value: number, multiple: number) => Math.ceil(value / multiple) * multiple;
const roundDown = (value: number, multiple: number) => Math.floor(value / multiple) * multiple;

/** Byte addresses in an arena that shares one memory; equal functions of equal sizes here and in the device. */
export function unifiedSections(
  arena: { readonly elements: number; readonly stateBytes: number },
  { param: paramFormat, grad: gradFormat }: MemoryFormats,
  chunks: number,
  rowBytes: number,
  scalars?: ScalarLayout,
): UnifiedSections {
  const aligned = (bytes: number) => roundUp(bytes, ALIGNMENT_BYTES);
  const param = 0;
  const grad = aligned(param + arena.elements * formatBytes[paramFormat]);
  const state = aligned(grad + arena.elements * formatBytes[gradFormat]);
  const table = aligned(state + arena.stateBytes);
  const rows = aligned(table + chunks * CHUNK_WORDS * F32_BYTES);
  const numbers = rows + rowBytes;
  const tensors = aligned(numbers + (scalars?.elements ?? 0) * F32_BYTES);
  const bytes = tensors + (scalars?.table.byteLength ?? 0);
  return { param, grad, state, chunks: table, rows, scalars: numbers, tensors, bytes };
}

export interface LayoutOptions {
  /** Floats of a coefficient row. */
  readonly rowWidth: number;
  readonly limits: DeviceLimits;
  /** f32 unless told. */
  readonly formats?: MemoryFormats;
  /** Slots of the memory of scalars; null or absent: there is none. */
  readonly scalars?: ScalarSlots | null;
  /** Whether the device chooses its pages: it then has one page more than the ring. */
  readonly choosesPages?: boolean;
}

const allF32: MemoryFormats = { param: "f32", grad: "f32" };

/** Bytes of an element in the wider one of parameters and gradients. */
function widest({ param, grad }: MemoryFormats): number {
  return Math.max(formatBytes[param], formatBytes[grad]);
}

/** Places tensors under a device's limits. Throws "parameter-too-large" for a tensor that no arena can hold. */
export function layOut(
  tensors: readonly TensorSize[],
  { rowWidth, limits, formats = allF32, scalars: slots, choosesPages }: LayoutOptions,
): Layout {
  const pageBytes = roundUp(Math.max(1, tensors.length) * rowWidth * F32_BYTES, ALIGNMENT_BYTES);
  const scalars = slots ? { scalars: layOutScalars(tensors, slots) } : {};
  checkScalars(scalars.scalars, limits);
  const shared = { formats, pageBytes, pages: ROW_PAGES + (choosesPages ? 1 : 0), ...scalars };
  const places: TensorPlace[] = [];
  const arenas: ArenaLayout[] = [];
  for (const members of fillArenas(tensors, shared, limits)) {
    arenas.push(cutArena(members, tensors, arenas.length, { limits, formats, places }));
  }
  return { memory: { arenas, ...shared }, tensors: places };
}

/** Writes each tensor's class row into a bank's chunk table; true where a word changed. */
export function assignRows(bank: BankLayout, rowOf: Readonly<Uint32Array>): boolean {
  let changed = false;
  for (let entry = 0; entry < bank.chunks.length; entry += CHUNK_WORDS) {
    const row = rowOf[bank.chunks[entry + TENSOR_WORD]!]!;
    if (bank.chunks[entry + ROW_WORD] === row) continue;
    bank.chunks[entry + ROW_WORD] = row;
    changed = true;
  }
  return changed;
}

interface Member {
  readonly index: number;
  readonly offset: number;
}

/** What every arena has beside its tensors where all share one memory. */
type Shared = Omit<MemoryLayout, "arenas">;

/** What an arena holds so far. */
interface Filling {
  elements: number;
  stateBytes: number;
  chunks: number;
}

/** Tensors in order, each into the current arena or, where it does not fit, into a new one; those of the caller's own memory apart. */
function fillArenas(tensors: readonly TensorSize[], rest: Shared, limits: DeviceLimits): Member[][] {
  const shared: Member[][] = [];
  const own: Member[][] = [];
  let filling: Filling | null = null;
  for (const [index, tensor] of tensors.entries()) {
    if (tensor.own) {
      own.push([{ index, offset: 0 }]);
      continue;
    }
    let next: Filling = grow(filling, tensor);
    if (!fits(next, rest, limits)) {
      filling = null;
      next = grow(null, tensor);
      if (!fits(next, rest, limits)) throw tooLarge(tensor, rest.formats, limits);
    }
    if (filling === null) shared.push([]);
    shared.at(-1)!.push({ index, offset: filling?.elements ?? 0 });
    filling = next;
  }
  return [...shared, ...own];
}

function grow(filling: Filling | null, tensor: TensorSize): Filling {
  return {
    elements: (filling?.elements ?? 0) + roundUp(tensor.elements, ALIGNMENT),
    stateBytes: (filling?.stateBytes ?? 0) + segmentBytes(tensor.elements, tensor.stateBytes),
    chunks:
      (filling?.chunks ?? 0) + Math.ceil(tensor.elements / CHUNK_ELEMENTS) + rowChunkRoom(0, tensor.elements, tensor.rowElements ?? 0),
  };
}

function fits(filling: Filling, { formats, pageBytes, pages, scalars }: Shared, limits: DeviceLimits): boolean {
  if (limits.unified) return unifiedSections(filling, formats, filling.chunks, pageBytes * pages, scalars).bytes <= limits.arenaBytes;
  return filling.elements * widest(formats) <= limits.arenaBytes;
}

/** Elements that each state of a segment has room for: whole blocks of what is kept in blocks. */
const strideOf = (elements: number) => roundUp(elements, STRIDE);

/** The states of a segment. */
function segmentBytes(elements: number, stateBytes: number): number {
  return roundUp(strideOf(elements) * stateBytes, ALIGNMENT_BYTES);
}

/** Cuts one arena into banks, noting the places of its tensors. */
function cutArena(
  members: readonly Member[],
  tensors: readonly TensorSize[],
  arena: number,
  { limits, formats, places }: { readonly limits: DeviceLimits; readonly formats: MemoryFormats; readonly places: TensorPlace[] },
): ArenaLayout {
  const bytes = limits.unified ? Number.POSITIVE_INFINITY : roundDown(limits.bindingBytes, STATE_UNIT);
  const cutter = createBankCutter({ bytes, elements: roundDown(bytes / widest(formats), VECTOR) });
  let end = 0;
  for (const { index, offset } of members) {
    const tensor = tensors[index]!;
    places[index] = { arena, offset, elements: tensor.elements, segments: cutter.add(tensor, index, offset) };
    end = offset + roundUp(tensor.elements, ALIGNMENT);
  }
  const banks = cutter.finish();
  const last = banks.at(-1);
  return {
    label: `arena ${arena}`,
    own: tensors[members[0]!.index]!.own ?? null,
    // Never empty: an arena of zero-size tensors still has a buffer to point at.
    elements: Math.max(end, ALIGNMENT),
    stateBytes: last === undefined ? 0 : last.stateFirst + last.stateBytes,
    banks,
  };
}

/** A bank that is being filled: chunk table entries whose state words wait until their segment's length is known. */
interface OpenBank {
  readonly first: number;
  end: number;
  readonly stateFirst: number;
  stateBytes: number;
  readonly words: number[];
  /** Entries that single rows may take. */
  rowChunks: number;
}

/** What one binding holds, and how many elements of a parameter that is. */
interface Bound {
  readonly bytes: number;
  readonly elements: number;
}

function createBankCutter(bound: Bound) {
  const banks: BankLayout[] = [];
  let bank: OpenBank | null = null;

  function close(): void {
    if (bank === null) return;
    const { first, end, stateFirst, stateBytes, words, rowChunks: room } = bank;
    const rowChunks = room === 0 ? null : { table: new Uint32Array(room * CHUNK_WORDS), used: 0 };
    banks.push({ first, elements: end - first, stateFirst, stateBytes, chunks: Uint32Array.from(words), rowChunks });
    bank = null;
  }

  function room(open: OpenBank, { stateBytes, rowElements = 0 }: TensorSize, offset: number, first: number, length: number): boolean {
    if (offset + first + roundUp(length, VECTOR) - open.first > bound.elements) return false;
    if (open.stateBytes + segmentBytes(length, stateBytes) > bound.bytes) return false;
    const entries = Math.ceil(length / CHUNK_ELEMENTS) + rowChunkRoom(first, length, rowElements);
    return (open.words.length + (open.rowChunks + entries) * CHUNK_WORDS) * F32_BYTES <= bound.bytes;
  }

  function open(offset: number): OpenBank {
    const last = banks.at(-1);
    const stateFirst = last === undefined ? 0 : last.stateFirst + last.stateBytes;
    return { first: offset, end: offset, stateFirst, stateBytes: 0, words: [], rowChunks: 0 };
  }

  /** The longest run of whole chunks from `first` on that the open bank still takes; 0: none. */
  function longest(tensor: TensorSize, offset: number, first: number): number {
    if (bank === null) return 0;
    let length = 0;
    while (first + length < tensor.elements) {
      const longer = Math.min(length + CHUNK_ELEMENTS, tensor.elements - first);
      if (!room(bank, tensor, offset, first, longer)) break;
      length = longer;
    }
    return length;
  }

  function add(tensor: TensorSize, index: number, offset: number): Segment[] {
    const segments: Segment[] = [];
    for (let first = 0; first < tensor.elements; ) {
      bank ??= open(offset + first);
      const elements = longest(tensor, offset, first);
      if (elements > 0) {
        segments.push(place(bank, banks.length, tensor, index, offset, first, elements));
      } else if (bank.words.length === 0) {
        throw new OptimizerError("parameter-too-large", `one chunk of ${quote(tensor.name)} with its states exceeds what the device binds`);
      } else {
        close();
      }
      first += elements;
    }
    return segments;
  }

  return {
    add,
    finish(): BankLayout[] {
      close();
      return banks;
    },
  };
}

/** Puts a segment at the end of a bank: its range, its states, its chunk table entries. */
function place(
  bank: OpenBank,
  bankIndex: number,
  tensor: TensorSize,
  index: number,
  offset: number,
  first: number,
  elements: number,
): Segment {
  const stateStride = strideOf(elements);
  const state = bank.stateBytes;
  const chunk = bank.words.length / CHUNK_WORDS;
  for (let at = 0; at < elements; at += CHUNK_ELEMENTS) {
    const count = Math.min(CHUNK_ELEMENTS, elements - at);
    const param = (offset + first + at - bank.first) / VECTOR;
    // In the order of CHUNK_FIELDS; rows are assigned when classes are known.
    const piece = (first + at) / CHUNK_ELEMENTS;
    bank.words.push(param, state / STATE_UNIT, stateStride / VECTOR, count, 0, index, first + at, at / VECTOR, piece);
  }
  bank.rowChunks += rowChunkRoom(first, elements, tensor.rowElements ?? 0);
  bank.end = offset + first + roundUp(elements, VECTOR);
  bank.stateBytes += segmentBytes(elements, tensor.stateBytes);
  return { bank: bankIndex, first, elements, stateFirst: bank.stateFirst + state, stateStride, chunk };
}

function checkScalars(scalars: ScalarLayout | undefined, { bindingBytes }: DeviceLimits): void {
  const bytes = F32_BYTES * (scalars?.elements ?? 0);
  if (bytes <= bindingBytes) return;
  throw new OptimizerError(
    "parameter-too-large",
    `what chunks and rows come to in reductions needs ${bytes} bytes, which is more than the ${bindingBytes} that the device binds. ` +
      "Leave lazyRows out, or use a device with larger buffers",
  );
}

function tooLarge({ name, elements, stateBytes }: TensorSize, formats: MemoryFormats, limits: DeviceLimits): OptimizerError {
  const whole = elements * (formatBytes[formats.param] + formatBytes[formats.grad]) + segmentBytes(elements, stateBytes);
  const what = limits.unified
    ? `${whole} bytes with its gradient and its states, which share one memory`
    : `${elements * widest(formats)} bytes`;
  return new OptimizerError(
    "parameter-too-large",
    `parameter ${quote(name)} needs ${what}; the device's limit is ${limits.arenaBytes} bytes. ` +
      `Split the parameter, or use a device with larger buffers (webgpu() asks for all that its adapter has unless limits is "default")`,
  );
}
