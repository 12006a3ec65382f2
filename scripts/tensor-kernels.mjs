// Compiles the kernels of src/tensor/wasm into dist/*.wasm.
const VECTORS = {
  source: 'src/tensor/wasm/assembly/kernels.ts',
  // 64 KiB each: 384 KiB for sums, and what the worker reads at a time, up to 4 MiB, with some room beside it.
  // The memory never grows: growing would detach what the worker sees of it.
  pages: { first: 80, most: 80 },
};

const LINEAR = {
  source: 'src/tensor/wasm/assembly/dense/dense.ts',
  // The kernels' own buffers, and matrices as they come: up to the 4 GiB that addresses reach.
  pages: { first: 64, most: 65_536 },
  // Two threads may work on one product.
  more: ['--importMemory', '--sharedMemory'],
};

const MODULES = [
  { ...VECTORS, target: 'dist/tensor-kernels.wasm', features: ['simd'] },
  // The same with fused multiply-add, for where that is to be had.
  { ...VECTORS, target: 'dist/tensor-kernels-fused.wasm', features: ['simd', 'relaxed-simd'] },
  { ...LINEAR, target: 'dist/tensor-linear.wasm', features: ['simd', 'threads'] },
  { ...LINEAR, target: 'dist/tensor-linear-fused.wasm', features: ['simd', 'threads', 'relaxed-simd'] },
  {
    source: 'src/tensor/wasm/assembly/blocks/blocks.ts',
    target: 'dist/tensor-blocks.wasm',
    // 36 KiB for codebooks, 64 KiB for blocks, and three times as much for values, which stays in the cache.
    pages: { first: 5, most: 5 },
    features: ['simd'],
  },
  {
    source: 'src/tensor/wasm/assembly/packed/packed.ts',
    target: 'dist/tensor-packed.wasm',
    // 128 KiB each for codes and runs, 256 KiB for values, 96 KiB for words and their numbers.
    pages: { first: 10, most: 10 },
    features: ['simd'],
  },
];

/** Throws with the compiler's messages where the sources are not right. */
export async function compileTensorKernels() {
  // The compiler takes a while to load, and most builds with --only= do without.
  const { default: compiler } = await import('assemblyscript/asc');
  for (const { source, target, pages, features, more = [] } of MODULES) {
    const { error, stderr } = await compiler.main([
      source,
      ...['--outFile', target],
      ...['-O3', '--noAssert', '--runtime', 'stub'],
      ...more,
      ...features.flatMap((feature) => ['--enable', feature]),
      ...['--initialMemory', String(pages.first), '--maximumMemory', String(pages.most)],
      // Functions with vector arguments are inlined into those that are exported to the worker.
      ...['--disableWarning', '112'],
    ]);
    if (error !== null) throw new Error(`${source} does not compile.\n${stderr.toString()}`);
  }
}
