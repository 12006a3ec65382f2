import { BYTES, WORDS } from './places';

/** All numbers of four bits of words, from their lowest on, plus `plus` modulo 16, a byte each. */
export function fours(words: i32, plus: i32): void {
  const more = i8x16.splat(<i8>plus);
  const mask = i8x16.splat(15);
  let to = BYTES;
  for (let at = WORDS, end = WORDS + 4 * <usize>words; at < end; at += 16, to += 32) {
    const both = v128.load(at);
    const low = v128.and(i8x16.add(both, more), mask);
    const high = v128.and(i8x16.add(i8x16.shr_u(both, 4), more), mask);
    v128.store(to, i8x16.shuffle(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
    v128.store(
      to,
      i8x16.shuffle(low, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31),
      16,
    );
  }
}

/** The number of four bits at `shift` of every word, plus `plus` modulo 16, a byte each. */
export function fourOf(words: i32, shift: i32, plus: i32): void {
  const more = i32x4.splat(plus);
  const mask = i32x4.splat(15);
  let to = BYTES;
  for (let at = WORDS, end = WORDS + 4 * <usize>words; at < end; at += 64, to += 16) {
    const first = v128.and(i32x4.add(i32x4.shr_u(v128.load(at), shift), more), mask);
    const second = v128.and(i32x4.add(i32x4.shr_u(v128.load(at, 16), shift), more), mask);
    const third = v128.and(i32x4.add(i32x4.shr_u(v128.load(at, 32), shift), more), mask);
    const fourth = v128.and(i32x4.add(i32x4.shr_u(v128.load(at, 48), shift), more), mask);
    const low = i16x8.narrow_i32x4_u(first, second);
    v128.store(to, i8x16.narrow_i16x8_u(low, i16x8.narrow_i32x4_u(third, fourth)));
  }
}
