// The names at the top of a wrapper's two files, the same in both; what the optimizer is called comes first and so keeps its name.

import type { Spec } from "../../check/spec.js";
import { createNamer, type Namer } from "../namer.js";

export interface ModuleNames {
  /** The exported value and the type of the same name. */
  readonly optimizer: string;
  readonly settings: string;
  readonly hypers: string;
  readonly options: string;
  readonly states: string;
  readonly modelStates: string;
  readonly types: string;
  readonly manifest: string;
  readonly definition: string;
  /** For what is imported. */
  readonly namer: Namer;
}

export function nameModule(spec: Spec): ModuleNames {
  const namer = createNamer("typescript");
  const optimizer = namer(spec.name);
  const related = (suffix: string) => namer(optimizer + suffix);
  return {
    optimizer,
    settings: related("Settings"),
    hypers: related("Hypers"),
    options: related("Options"),
    states: related("States"),
    modelStates: related("ModelStates"),
    types: related("Types"),
    manifest: namer("manifest"),
    definition: namer("definition"),
    namer,
  };
}
