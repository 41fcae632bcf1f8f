// A linear model and its gradient as one ONNX graph, written byte by byte: ONNX files are protocol buffers, and these few fields are all
// it takes. Weights are an input, so that they can live in a buffer of the caller's.
//   error = X W - Y     loss = error' error / samples     gradient = X' error * 2 / samples

const text = new TextEncoder();

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

const number = (field: number, value: number) => [...varint(field * 8), ...varint(value)];
const bytes = (field: number, content: readonly number[]) => [...varint(field * 8 + 2), ...varint(content.length), ...content];
const string = (field: number, value: string) => bytes(field, [...text.encode(value)]);

const FLOAT = 1;

/** ValueInfoProto: a name, an element type and a shape. */
function value(name: string, shape: readonly number[]): number[] {
  const dimensions = shape.flatMap((size) => bytes(1, number(1, size)));
  const tensor = [...number(1, FLOAT), ...bytes(2, dimensions)];
  return [...string(1, name), ...bytes(2, bytes(1, tensor))];
}

/** NodeProto. */
const node = (operation: string, inputs: readonly string[], output: string) =>
  bytes(1, [...inputs.flatMap((name) => string(1, name)), ...string(2, output), ...string(4, operation)]);

/** TensorProto of one number. */
const constant = (name: string, value: number) =>
  bytes(5, [...number(2, FLOAT), ...bytes(9, [...new Uint8Array(Float32Array.of(value).buffer)]), ...string(8, name)]);

/** ModelProto of the graph above, for X [samples, inputs] and W [inputs, 1]. */
export function linearModel(samples: number, inputs: number): Uint8Array<ArrayBuffer> {
  const graph = [
    ...node("MatMul", ["X", "W"], "prediction"),
    ...node("Sub", ["prediction", "Y"], "error"),
    ...node("Transpose", ["error"], "errorT"),
    ...node("MatMul", ["errorT", "error"], "squares"),
    ...node("Mul", ["squares", "one"], "loss"),
    ...node("Transpose", ["X"], "XT"),
    ...node("MatMul", ["XT", "error"], "product"),
    ...node("Mul", ["product", "two"], "gradient"),
    ...string(2, "linear"),
    ...constant("one", 1 / samples),
    ...constant("two", 2 / samples),
    ...bytes(11, value("X", [samples, inputs])),
    ...bytes(11, value("Y", [samples, 1])),
    ...bytes(11, value("W", [inputs, 1])),
    ...bytes(12, value("loss", [1, 1])),
    ...bytes(12, value("gradient", [inputs, 1])),
  ];
  const opset = [...string(1, ""), ...number(2, 13)];
  return Uint8Array.from([...number(1, 8), ...bytes(7, graph), ...bytes(8, opset)]);
}
