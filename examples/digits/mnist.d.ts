declare module "mnist" {
  /** Images of one digit, 28 x 28 grey values in [0, 1] one after the other. */
  interface Digit {
    readonly raw: readonly number[];
    readonly length: number;
  }
  const digits: Readonly<Record<number, Digit>>;
  export default digits;
}
