/** From this size on torch draws 64-bit numbers (randperm in aten/src/ATen/native/TensorFactories.cpp). */
export const FIRST_DRAWN_OTHERWISE = Math.floor((2 ** 32 - 1) / 20);

/**
 * The first `count` numbers of `torch.randperm(size)` on a CPU with a generator of this seed: a Fisher–Yates shuffle with the
 * 32-bit numbers of a Mersenne Twister, number i modulo what is left. Exact for sizes below {@link FIRST_DRAWN_OTHERWISE}.
 */
export function torchPermutation(seed: number, size: number, count: number): readonly number[] {
  const random = mersenneTwister(seed);
  const moved = new Map<number, number>();
  const drawn: number[] = [];
  for (let i = 0; i < Math.min(count, size); i++) {
    const own = moved.get(i) ?? i;
    const other = i < size - 1 ? i + (random() % (size - i)) : i;
    drawn.push(moved.get(other) ?? other);
    moved.set(other, own);
  }
  return drawn;
}

const LENGTH = 624;
const MIDDLE = 397;

/** MT19937 (Matsumoto & Nishimura 1998, https://doi.org/10.1145/272991.272995): unsigned 32-bit numbers. */
export function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(LENGTH);
  state[0] = seed;
  for (let i = 1; i < LENGTH; i++) {
    const before = state[i - 1] as number;
    state[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
  }
  let at = LENGTH;
  return () => {
    if (at === LENGTH) {
      twist(state);
      at = 0;
    }
    let y = state[at++] as number;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

function twist(state: Uint32Array): void {
  for (let i = 0; i < LENGTH; i++) {
    const upper = (state[i] as number) & 0x80000000;
    const lower = (state[(i + 1) % LENGTH] as number) & 0x7fffffff;
    const y = upper | lower;
    state[i] = (state[(i + MIDDLE) % LENGTH] as number) ^ (y >>> 1) ^ ((y & 1) * 0x9908b0df);
  }
}
