// What stops a command: wrong usage, a folder that cannot be written, a damaged file. Problems in a spec are diagnostics instead.

/** Ends the command with this exit code; `help` is the way out. */
export class CliError extends Error {
  readonly exitCode: 1 | 2;
  readonly help: string | null;

  constructor(message: string, help: string | null = null, exitCode: 1 | 2 = 2) {
    super(message);
    this.name = "CliError";
    this.help = help;
    this.exitCode = exitCode;
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left on the disk",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a part of the path is a file, not a folder",
  EISDIR: "it is a folder, not a file",
  ENOENT: "no such file or folder",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "symbolic links lead in a circle",
  EXDEV: "it lies on another disk than the output folder",
};

/** The code of a file system's error, or null for any other. */
export function systemCode(error: unknown): string | null {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
}

/** A file system's error in a person's words; anything else is thrown again as it is. */
export function fileError(what: string, error: unknown, help: string | null = null): CliError {
  const code = systemCode(error);
  if (code === null) throw error;
  return new CliError(`${what}: ${reasons[code] ?? code}`, help);
}
