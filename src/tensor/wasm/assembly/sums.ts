// Sums that grow in memory (memory.ts).

/** Adds two lanes to those at `place`. */
export function addLanes(place: usize, lanes: v128): void {
  v128.store(place, f64x2.add(v128.load(place), lanes));
}

/** Adds sums to those of the task at `place`. */
export function addTask(place: usize, squares: v128, dot: v128, deltaSquares: v128, largest: v128): void {
  addLanes(place, squares);
  addLanes(place + 16, dot);
  addLanes(place + 32, deltaSquares);
  v128.store(place, f64x2.max(v128.load(place, 48), largest), 48);
}

/** Adds counts to those of the task at `place`. */
export function addCounts(place: usize, identical: f64, flips: f64): void {
  store<f64>(place, load<f64>(place, 64) + identical, 64);
  store<f64>(place, load<f64>(place, 72) + flips, 72);
}
