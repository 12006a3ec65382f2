// Where things lie in the memory that a worker shares with these kernels. `vector-kernels.ts` knows the same numbers.

/** Most tasks of a group. */
export const MOST_TASKS: i32 = 64;

/** Elements whose τ are kept at a time: the τ of eight tasks fit the first-level cache. */
export const TILE: i32 = 256;

/** Addresses of the spans' bytes, base first: 32 bits each. */
export const SPANS: usize = 1024;

/** Σθ₀², two lanes that add up to it. */
export const BASE_SQUARES: usize = 2048;

/** Sums of each task, {@link TASK_BYTES} apart. */
export const TASKS: usize = 4096;
/** Σθ², Σθ₀θ, Σ(θ−θ₀)² and max (θ−θ₀)², two lanes each; then the numbers of identical entries and of sign flips. */
export const TASK_BYTES: usize = 80;

/** The same sums over the tile in hand, added to those above once the whole tile is known to be finite. */
export const TILE_TASKS: usize = 16384;

/** Moments of a run: finite entries, mean, M2, min, max, Σ|x|, Σx², zeros. */
export const MOMENTS: usize = 28672;

/** ⟨τᵢ, τⱼ⟩ for i < j at i · {@link MOST_TASKS} + j, two lanes that add up to it. */
export const GRAM: usize = 32768;

/** θ₀ of the tile in hand, then its τ, one task after the other. */
export const BASE_TILE: usize = 98304;
export const TILE_BYTES: usize = 2048;
export const DELTA_TILES: usize = 100352;

/** A stretch of θ₀ and of every τ as float32 (group-runs.ts), where the tiles lie otherwise. */
export const ROWS: usize = BASE_TILE;
export const ROW_BYTES: usize = 960;

/** Sums of the nine cells in hand, four lanes each. */
export const PARTS: usize = 244992;

/** Inner products of rows i ≤ j over the block in hand, two lanes that add up to it; some room behind the last. */
export const CELLS: usize = 262144;
export const CELL_ROW_BYTES: usize = 1088;
