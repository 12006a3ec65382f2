/** Position along each dimension of a flat index in C order, one number per dimension; a scalar's is empty. */
export function positionOf(flat: number, shape: readonly number[]): number[] {
  const position: number[] = [];
  let rest = flat;
  for (const size of [...shape].reverse()) {
    position.push(rest % size);
    rest = Math.floor(rest / size);
  }
  return position.reverse();
}
