// What a test runs in Deno and in a page.

import { roundTrip } from "./webgpu/round-trip.js";

export const run = () => roundTrip(navigator.gpu);
