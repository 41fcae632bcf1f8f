// What is found out about one kind of device on this machine.

/** Something that is not there, and how to get it. */
export interface Lack {
  readonly what: string;
  readonly get: string;
}

export interface Finding {
  readonly device: "cpu" | "webgpu" | "cuda";
  /** Whether a device of this kind answers here. */
  readonly works: boolean;
  /** In the order of showing. */
  readonly facts: Readonly<Record<string, string>>;
  readonly lacks: readonly Lack[];
}

/** An error in one line. */
export function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0]!;
}

/** Bytes for people. */
export function bytesText(bytes: number): string {
  const power = bytes < 2 ** 20 ? 10 : bytes < 2 ** 30 ? 20 : 30;
  return `${Number((bytes / 2 ** power).toFixed(1))} ${{ 10: "KiB", 20: "MiB", 30: "GiB" }[power]}`;
}
