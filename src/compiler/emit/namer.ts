// Makes identifiers of a target out of a spec's names: valid, readable, and each given out once.
// A name that the target reserves, or that is taken, gets trailing underscores; the order of asking decides, so it is deterministic.

import { asciiName, camelCase } from "../spelling.js";
import { type NamedTarget, reservedWords } from "./reserved-words.js";

/** Turns a spec's name into an identifier that it has not given out before. */
export type Namer = (name: string) => string;

/** One scope of names of a target; `taken` are the frame's own. */
export function createNamer(target: NamedTarget, taken: Iterable<string> = []): Namer {
  const used = new Set<string>([...reservedWords[target], ...taken]);
  return (name) => {
    let identifier = identifierOf(name);
    while (used.has(identifier)) identifier += separator(identifier);
    used.add(identifier);
    return identifier;
  };
}

/** Two underscores together are reserved in C++ and, in front, in WGSL; a digit cannot begin a name. */
function identifierOf(name: string): string {
  const ascii = asciiName(name).replace(/__+/g, "_").replace(/^_/, "");
  return /^[A-Za-z]/.test(ascii) ? ascii : `v${ascii === "" ? "" : `_${ascii}`}`;
}

/** After a trailing underscore another one would be a reserved name in C++. */
function separator(identifier: string): string {
  return identifier.endsWith("_") ? "x" : "_";
}

const objectMembers = Object.getOwnPropertyNames(Object.prototype);

/** Keys of a record that people write in TypeScript, in camelCase; never a member of every object, never one of `taken`. */
export function createKeyNamer(taken: Iterable<string> = []): Namer {
  const used = new Set<string>([...objectMembers, ...taken]);
  return (name) => {
    let key = camelCase(name);
    while (used.has(key)) key += "_";
    used.add(key);
    return key;
  };
}

/** Stems reserved by Windows, whatever the extension. */
const deviceName = /^(con|prn|aux|nul|com\d|lpt\d)$/;

/** Longer stems are cut: file systems take 255 bytes of a name, some paths of 260. */
const LONGEST_STEM = 80;

/** Names of files and folders: lower case, so that they differ on every file system. */
export function createFileNamer(taken: Iterable<string> = []): Namer {
  const used = new Set(taken);
  return (name) => {
    const words = name.toLowerCase().split("-").map(asciiName);
    const whole = words.join("-").replace(/^[_-]+/, "");
    let stem = whole.slice(0, LONGEST_STEM) || "v";
    while (used.has(stem) || deviceName.test(stem)) stem += "_";
    used.add(stem);
    return stem;
  };
}
