// optspec init: a first spec to read and change, in the folder where one stands.

import { existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { CliError, fileError } from "./cli-error.js";
import type { Context, Outcome } from "./context.js";

const FILE = "my.opt";

/** Every construct that a first optimizer needs, with its reason beside it. */
const SPEC = `/// My optimizer: momentum with decoupled weight decay, and smaller steps for lower layers.
optimizer MyOptimizer {
  // Hypers are numbers that you may give and change at run time. The interval is checked.
  /// Learning rate.
  hyper lr           = 1e-2 in [0, inf)
  /// How much of the running mean is kept from step to step.
  hyper momentum     = 0.9  in [0, 1)
  /// Decoupled weight decay.
  hyper weight_decay = 0.01 in [0, inf)
  /// Factor between the learning rates of neighbouring layers.
  hyper layer_decay  = 0.9  in (0, 1]
  // A fixed hyper is given once, when the parameters are registered.
  /// Number of layers.
  fixed hyper n_layers: int = 12 in [1, inf)

  // An option is chosen when you build; a build has the default unless optspec.config.json asks for others:
  // { "builds": { "MyOptimizer": [{ "nesterov": false }, { "nesterov": true }] } }
  /// Look one step ahead, as Nesterov's momentum does.
  option nesterov = false

  // One number for every element of every parameter, kept between steps.
  state velocity = 0

  // From here on, the algorithm box. "<-" gives a state or the parameter its new value.
  velocity <- momentum * velocity + grad
  direction = if nesterov then grad + momentum * velocity else velocity
  param <- param - lr * (direction + weight_decay * param)

  // What a parameter's name decides. The first arm that matches wins; {layer} is the number found there.
  // An arm that matches no parameter is a mistake, unless it is optional.
  rules scale lr {
    "layers.{layer}"       => layer_decay ^ (n_layers - layer)
    optional "*embedding*" => layer_decay ^ (n_layers + 1)
    else                   => 1
  }
}
`;

/** Runs `optspec init`. */
export function init(context: Context): Outcome {
  const path = resolve(context.cwd, FILE);
  if (existsSync(path)) throw new CliError(`${FILE} is there already; nothing was written`, "run init in an empty folder", 1);
  try {
    writeFileSync(path, SPEC, { flag: "wx" });
  } catch (error) {
    throw fileError(`cannot write ${FILE}`, error, "run init in a folder that you may write to");
  }
  const next = [
    `wrote ${FILE}. Next:`,
    "  npx optspec build                       compiles it into generated/",
    `  npx optspec explain ${FILE} --params FILE   shows which parameter gets which learning rate`,
    "  npx optspec check                       tells whether generated/ is up to date",
    "Then, in your program:",
    '  import { MyOptimizer } from "./generated/myoptimizer/myoptimizer.js";',
    '  import { cpu } from "optspec/cpu";',
    "  const optimizer = await MyOptimizer.create(await cpu(), { params, nLayers: 4 });",
    "  await optimizer.step({ gradients });",
    'where params lists what you train: [{ name: "layers.0.weight", shape: [2, 2], data }, ...]',
  ];
  return { exitCode: 0, diagnostics: [], text: FILE, summary: next.join("\n"), json: { file: FILE } };
}
