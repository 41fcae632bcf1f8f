// What a test runs in Deno and in a page.

import { webgpu } from "optspec/webgpu";
import { threeSteps } from "./three-steps.js";

export const run = async () => threeSteps(await webgpu());
