import { emptyArray, type TensorValue } from '../tensor-value';

/** The same values with the first axis moved behind `axis` others, as NumPy's `moveaxis(x, 0, axis)` does. */
export function moveFirstAxis(value: TensorValue, axis: number): TensorValue {
  const { type, shape, data } = value;
  const [first = 1, ...inner] = shape;
  if (axis <= 0 || axis >= shape.length) return value;
  const before = inner.slice(0, axis);
  const after = inner.slice(axis);
  const outer = before.reduce((product, size) => product * size, 1);
  const run = after.reduce((product, size) => product * size, 1);
  const moved = emptyArray(type, data.length);
  for (let i = 0; i < first; i++) {
    for (let o = 0; o < outer; o++) {
      const part = data.subarray((i * outer + o) * run, (i * outer + o + 1) * run);
      // Both arrays are of the kind that holds this type.
      (moved as Float64Array).set(part as Float64Array, (o * first + i) * run);
    }
  }
  return { type, shape: [...before, first, ...after], data: moved };
}
