// npm packages that a command can do without: "webgpu" (Dawn), "koffi".

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { systemCode } from "./cli-error.js";
import type { Context } from "./context.js";

/** The package beside optspec, or else of the project where the command runs; null where it is not installed. Throws where it does not load. */
export async function importPeer({ cwd, importModule }: Context, name: string): Promise<unknown> {
  try {
    return await importModule(name);
  } catch (error) {
    if (systemCode(error) !== "ERR_MODULE_NOT_FOUND") throw error;
  }
  let path: string;
  try {
    path = createRequire(join(cwd, "package.json")).resolve(name);
  } catch (error) {
    if (systemCode(error) !== "MODULE_NOT_FOUND") throw error;
    return null;
  }
  return importModule(pathToFileURL(path).href);
}
