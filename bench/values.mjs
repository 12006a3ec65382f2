// Weights as training leaves them: a base that is normally distributed, and fine-tunes a little away from it.

/** Standard deviations of the base's weights, and of what a fine-tune adds. */
const SPREAD = 0.02;
const CHANGE = 0.0004;

/**
 * Fills buffers of 16 MiB, all alike, with weights of the base (`task` 0) or of fine-tune `task`.
 * @param {'BF16' | 'F32'} dtype @param {number} task
 */
export function weights(dtype, task) {
  const bytes = new Uint8Array(1 << 24);
  const count = bytes.length / (dtype === 'F32' ? 4 : 2);
  const base = normal(1);
  const change = normal(1 + task);
  const values = Float32Array.from({ length: count }, () => {
    const weight = SPREAD * base();
    return task === 0 ? weight : weight + CHANGE * change();
  });
  if (dtype === 'F32') bytes.set(new Uint8Array(values.buffer));
  else new Uint16Array(bytes.buffer).set(new Uint32Array(values.buffer).map(upperHalf));
  return (/** @type {Buffer} */ buffer) => void buffer.set(bytes);
}

/** Rounds the bits of a float32 to bfloat16, ties to even. @param {number} bits */
function upperHalf(bits) {
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** Normally distributed numbers, the same for the same seed (Box and Muller). @param {number} seed */
function normal(seed) {
  let state = (Math.imul(seed, 0x9e3779b9) ^ 0x2545f491) >>> 0;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
