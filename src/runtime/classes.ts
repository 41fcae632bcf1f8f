// Parameters whose coefficients must be equal form a class, a class is one row of coefficients. Equal means: equal rule decisions and
// facts, equal step count, equal host states. Parameters that take no part in a step share one idle row.
// Classes are made anew only when the set of parameters that take part changes.

/** A class and where its numbers stand. */
export interface ParamClass {
  readonly row: number;
  readonly idle: boolean;
  /** Parameters, by index; the first stands for all. */
  readonly members: readonly number[];
}

export interface ClassTable {
  readonly classes: readonly ParamClass[];
  /** Class row of each parameter. */
  readonly rowOf: Uint32Array;
  /** All rows of a page, `rowWidth` floats each. */
  readonly rows: Float32Array<ArrayBuffer>;
  /** Which parameters take part, by index. */
  readonly active: readonly boolean[];
}

const IDLE_KEY = "idle";

/** Groups parameters; `keyOf` must tell apart what may get different coefficients from now on. */
export function createClasses(active: readonly boolean[], keyOf: (param: number) => string, rowWidth: number): ClassTable {
  const members = new Map<string, number[]>();
  for (const [param, takesPart] of active.entries()) {
    const key = takesPart ? `param ${keyOf(param)}` : IDLE_KEY;
    const known = members.get(key);
    if (known === undefined) members.set(key, [param]);
    else known.push(param);
  }
  const rowOf = new Uint32Array(active.length);
  const classes = [...members].map(([key, params], row): ParamClass => {
    for (const param of params) rowOf[param] = row;
    return { row, idle: key === IDLE_KEY, members: params };
  });
  return { classes, rowOf, rows: new Float32Array(classes.length * rowWidth), active: [...active] };
}
