// Powers in f64, equal in every engine for whole exponents: `Math.pow`, C and Python differ in the last place.

/** x^y. A whole y (at most 2^53) is square-and-multiply from the lowest bit, x^-n is 1 / x^n, x^0 is 1; any other y is `Math.pow`. */
export function power(x: number, y: number): number {
  if (!Number.isInteger(y) || Math.abs(y) > 2 ** 53) return x ** y;
  if (y < 0) return 1 / power(x, -y);
  let result = 1;
  let square = x;
  for (let rest = y; rest > 0; square *= square) {
    if (rest % 2 === 1) result *= square;
    rest = Math.floor(rest / 2);
  }
  return result;
}
