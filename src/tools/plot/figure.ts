// What `optspec plot` draws, as data: a hyper over the steps, or over the layers of a model. How it looks is decided elsewhere.

/** A hyper at steps that increase; between them it was not asked. */
export interface CurveFigure {
  readonly kind: "curve";
  readonly title: string;
  readonly steps: readonly number[];
  readonly values: readonly number[];
}

/** The parameters of a layer: how many, and their lowest and highest value; null where all are frozen. */
export interface Layer {
  readonly label: string;
  readonly tensors: number;
  readonly range: readonly [low: number, high: number] | null;
}

/** A hyper by layer, in the order of depth. */
export interface LayerFigure {
  readonly kind: "layers";
  readonly title: string;
  readonly layers: readonly Layer[];
}

export type Figure = CurveFigure | LayerFigure;

/** Three significant digits, as short as they are. */
export function short(value: number): string {
  return `${Number(value.toPrecision(3))}`;
}

/** Lowest and highest of some numbers, with 0 where they are all on one side of it. */
export function rangeWithZero(values: Iterable<number>): readonly [low: number, high: number] {
  let [low, high] = [0, 0];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}
