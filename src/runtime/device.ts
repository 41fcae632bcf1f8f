// The contract between the optimizer and a kind of hardware. A device knows memory, kernels and submission; nothing of optimizers.
// Units: offsets and lengths of parameters and gradients in elements, everything of states in bytes, and what a name says.

import type { ProgramInfo } from "../contract/manifest.js";
import type { ArithmeticProfile } from "../numeric/float32.js";
import type { NumberFormat } from "../numeric/storage-formats.js";
import type { KeptRows } from "./row-gradient.js";

export type Part = "param" | "grad" | "state";

/** A run of an arena's elements that one launch works on, with its own range of states. */
export interface BankLayout {
  /** First element of param and grad, a multiple of 64 (256 bytes). */
  readonly first: number;
  readonly elements: number;
  /** The bank's states: [stateFirst, stateFirst + stateBytes) of the arena's state space, in bytes, multiples of 256. */
  readonly stateFirst: number;
  readonly stateBytes: number;
  /** Chunk table entries (CHUNK_WORDS each); their number is fixed, their row words may be rewritten, with lazy rows their counts too. */
  readonly chunks: Uint32Array<ArrayBuffer>;
  /** Room for the entries of single rows; null: it has no tensor that is worked on by rows. */
  readonly rowChunks: RowChunks | null;
}

/** Chunk table entries that a launch works on besides those that stand for whole tensors. */
export interface RowChunks {
  readonly table: Uint32Array<ArrayBuffer>;
  /** Entries, from the first one on, that the next submission works on. */
  used: number;
}

/** A parameter's memory as the caller gives it, unchecked. */
export interface GivenMemory {
  readonly buffer: unknown;
  readonly offset?: unknown;
  /** Whether data is going to be written into it. */
  readonly filled: boolean;
}

/** A range of the caller's own memory that a device has checked and can work in; what it is only the device knows. */
export interface CallerMemory {
  /** Names it in messages. */
  readonly label: string;
}

/** One buffer of parameters and one of gradients, of equal length. A tensor never straddles arenas. */
export interface ArenaLayout {
  readonly label: string;
  /** Where the arena's one tensor is the caller's; null: the parameters live in memory of ours. */
  readonly own: CallerMemory | null;
  readonly elements: number;
  readonly stateBytes: number;
  readonly banks: readonly BankLayout[];
}

/** Device numbers smaller than an element, and the table of tensors that says where they stand (see the manifest). */
export interface ScalarLayout {
  /** f32 numbers: slots of the model, of each tensor, and the places of partials. */
  readonly elements: number;
  /** Header and records; the row words may be rewritten, with lazy rows how many pieces there are too. */
  readonly table: Uint32Array<ArrayBuffer>;
}

/** How parameters and gradients are kept. */
export interface MemoryFormats {
  readonly param: NumberFormat;
  readonly grad: NumberFormat;
}

export interface MemoryLayout {
  readonly arenas: readonly ArenaLayout[];
  readonly formats: MemoryFormats;
  /** Absent where no program of the build needs it. */
  readonly scalars?: ScalarLayout;
  /** Bytes of one page of coefficient rows, a multiple of 256. */
  readonly pageBytes: number;
  readonly pages: number;
}

export interface DeviceLimits {
  /** Largest arena buffer, in bytes. */
  readonly arenaBytes: number;
  /** Largest range one launch can bind, in bytes. */
  readonly bindingBytes: number;
  /** True where param, grad, state and tables share one memory of at most `arenaBytes` (WebAssembly); a bank is then an arena. */
  readonly unified: boolean;
}

export interface Kernels {
  readonly wgsl: () => Promise<string>;
  readonly wasm: () => Promise<string>;
  readonly cuda?: () => Promise<string>;
}

/** A tensor's place in an arena's parameters and gradients. */
export interface ArenaRange {
  readonly arena: number;
  readonly offset: number;
  readonly length: number;
}

/** Where a tensor's gradient is in the next submission: memory of the caller's, ours, or nowhere because it takes no part. */
export type GradientSource = CallerMemory | "ours" | "none";

/** Gradients in memory of the caller's. */
export interface CallerGradients {
  /** Checks what the caller gives for a tensor's gradient, of the layout's format. Throws "invalid-gradient"; uses nothing yet. */
  adopt(given: unknown, range: ArenaRange, label: string): CallerMemory;
  /** Whether memory of ours holds a gradient of this arena: made when it is first written or shown. */
  has(arena: number): boolean;
  /** Forgets what was to be copied into the next submission; sources of own arenas stay. */
  begin(): void;
  /** From now on in an own arena; for the next submission, as a copy on the device, in a shared one. */
  use(range: ArenaRange, source: GradientSource): void;
}

/** The memory of scalars, which all arenas share. */
export interface ScalarMemory {
  write(offset: number, data: Float32Array): void;
  read(offset: number, length: number): Promise<Float32Array<ArrayBuffer>>;
  /** The same at once, where a submission is done when it returns. */
  peek?(offset: number, length: number): Float32Array;
  /** Uploads the table of tensors again, after its words changed. */
  writeTable(): void;
}

/** Memory of one optimizer. `View` is how the device shows a range to its user. */
export interface DeviceMemory<View> {
  readonly bytes: number;
  /** Absent where the device takes gradients as Float32Arrays only. */
  readonly gradients?: CallerGradients;
  /**
   * A range of the arena's elements for the user's own engine: a live array (cpu; of 16-bit formats, their bits) or a buffer binding
   * (webgpu). Never detaches.
   */
  view(part: "param" | "grad", arena: number, offset: number, length: number): View;
  /**
   * Writes bytes from byte `offset` on, a multiple of 4. Where they are no multiple of 4, what follows them up to one is padding or may be
   * overwritten with zeros.
   */
  write(part: Part, arena: number, offset: number, data: ArrayBufferView): void;
  /** Bytes from byte `offset` on, a multiple of 4, in an array of their own. */
  read(part: Part, arena: number, offset: number, bytes: number): Promise<Uint8Array<ArrayBuffer>>;
  zero(part: Part, arena: number): void;
  /** Uploads the chunk table of a bank again, after its row words changed. */
  writeChunks(arena: number, bank: number): void;
  /**
   * Writes rows of a tensor's gradient, whose first element is at `offset`, as they are kept; a row is a whole number of 4 bytes. Absent:
   * they are written run by run.
   */
  writeGradRows?(arena: number, offset: number, gradient: KeptRows): void;
  /** Uploads the entries in use of a bank's `rowChunks`, after they or their number changed. Absent where the device knows no rows. */
  writeRowChunks?(arena: number, bank: number): void;
  /** Present where the layout has scalars. */
  readonly scalars?: ScalarMemory;
  destroy(): void;
}

/** A program's sweeps bound to a memory: everything a submission needs, made once. */
export interface Launch {
  /** Dispatches (webgpu) or calls (cpu) in one submission. */
  readonly dispatches: number;
}

export interface DeviceLostInfo {
  readonly reason: string;
}

export interface Device<View = unknown> {
  readonly kind: "cpu" | "webgpu" | "cuda";
  /** Human-readable name of the adapter, e.g. for messages and `doctor`. */
  readonly name: string;
  readonly limits: DeviceLimits;
  readonly profile: ArithmeticProfile;
  /** Resolves when the device is gone; never rejects. */
  readonly lost: Promise<DeviceLostInfo>;
  /** Absent: it works on whole tensors only, and its memories have no `writeRowChunks`. */
  readonly lazyRows?: true;
  /** Checks what the caller gives as memory of a parameter. Throws "invalid-parameter". Absent: this device takes data only. */
  adopt?(given: GivenMemory, elements: number, format: NumberFormat, label: string): CallerMemory;
  /** Zero-filled, the caller's own memory excepted. Throws OptimizerError "out-of-memory" with what was asked; where the driver answers later, `bind` rejects with it. */
  allocate(layout: MemoryLayout): DeviceMemory<View>;
  /**
   * Compiles a build's kernels and binds a program to memory. Rejects with the driver's own messages. Compilations are cached by content.
   * `pageFrom`: a place in the memory of scalars whose number says, when the kernels begin, which page they read; the last page of the
   * layout is room for it.
   */
  bind(kernels: Kernels, program: ProgramInfo, memory: DeviceMemory<View>, pageFrom?: number): Promise<Launch>;
  /**
   * Writes one page of rows and runs the launch with it, or with the page that the device chooses. Allocates nothing and reads nothing back while all memory is the device's own;
   * where some is the caller's, it may return a promise that rejects when all of the submission was refused.
   */
  submit(launch: Launch, page: number, rows: Float32Array<ArrayBuffer>): void | Promise<void>;
  /** The same into the caller's own encoder or pass; the page must stay as it is until that is submitted. Absent: there is no such thing. */
  encode?(launch: Launch, page: number, rows: Float32Array<ArrayBuffer>, target: unknown): void;
  /** Records the kernels of a launch as the caller's graph wants them: every replay takes the page that is next. Absent: no graphs. */
  capture?(launch: Launch, stream: unknown): void;
  /** Writes one page of rows for a replay and runs nothing. Absent: no graphs. */
  prepare?(launch: Launch, page: number, rows: Float32Array<ArrayBuffer>): void;
  /** Resolves when everything submitted is done. */
  idle(): Promise<void>;
  destroy(): void;
}
