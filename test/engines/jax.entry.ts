// What a page runs.

import { trainWithJax } from "../../examples/engines/jax.js";

export const run = () => trainWithJax(40);
