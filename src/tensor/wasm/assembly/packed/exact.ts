/** Stores four values less `zero` times `by`, plus `more`: in float64, rounded once. */
export function storeExact(values: v128, zero: f64, by: f64, more: f64, to: usize): void {
  const minus = f64x2.splat(zero);
  const times = f64x2.splat(by);
  const plus = f64x2.splat(more);
  const low = f64x2.promote_low_f32x4(values);
  const high = f64x2.promote_low_f32x4(
    i8x16.shuffle(values, values, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15),
  );
  const first = f32x4.demote_f64x2_zero(f64x2.add(f64x2.mul(f64x2.sub(low, minus), times), plus));
  const second = f32x4.demote_f64x2_zero(f64x2.add(f64x2.mul(f64x2.sub(high, minus), times), plus));
  v128.store(to, i8x16.shuffle(first, second, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
}

/** Whether float32 gives the same: scale and zero are float32, a whole zero leaves whole codes exact, and minus zero is added. */
export function isSingle(zero: f64, by: f64, more: f64): bool {
  if (reinterpret<u64>(more) != 0x8000000000000000) return false;
  return <f64>(<f32>by) == by && Math.floor(zero) == zero && Math.abs(zero) < 65_536;
}
