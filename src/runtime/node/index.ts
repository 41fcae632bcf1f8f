// What programs in Node import from "optspec/node".

export { file } from "./state-file.js";
