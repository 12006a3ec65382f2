// Compiles the vector kernels of src/tensor/wasm into dist/tensor-kernels.wasm.
const SOURCE = 'src/tensor/wasm/assembly/kernels.ts';
const TARGET = 'dist/tensor-kernels.wasm';

/** 64 KiB each: 256 KiB for sums, and what the worker reads at a time, up to 4 MiB, with some room beside it. */
const PAGES = 80;

/** Throws with the compiler's messages where the sources are not right. */
export async function compileTensorKernels() {
  // The compiler takes a while to load, and most builds with --only= do without.
  const { default: compiler } = await import('assemblyscript/asc');
  const { error, stderr } = await compiler.main([
    SOURCE,
    ...['--outFile', TARGET],
    ...['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd'],
    // The memory never grows: growing would detach what the worker sees of it.
    ...['--initialMemory', String(PAGES), '--maximumMemory', String(PAGES)],
    // Functions with vector arguments are inlined into those that are exported to the worker.
    ...['--disableWarning', '112'],
  ]);
  if (error !== null) throw new Error(`${SOURCE} does not compile.\n${stderr.toString()}`);
}
