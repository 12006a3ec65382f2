// What the worker may call, one function per kind of work and element type.
import { BF16, F16, F32 } from './elements';
import { addGroup } from './group';
import { addMoments } from './moments';
import { addPair } from './pair';

export function pairBF16(first: i32, count: i32): i32 {
  return addPair<BF16>(first, count);
}

export function pairF16(first: i32, count: i32): i32 {
  return addPair<F16>(first, count);
}

export function pairF32(first: i32, count: i32): i32 {
  return addPair<F32>(first, count);
}

export function groupBF16(tasks: i32, first: i32, count: i32): i32 {
  return addGroup<BF16>(tasks, first, count);
}

export function groupF16(tasks: i32, first: i32, count: i32): i32 {
  return addGroup<F16>(tasks, first, count);
}

export function groupF32(tasks: i32, first: i32, count: i32): i32 {
  return addGroup<F32>(tasks, first, count);
}

export function momentsBF16(place: usize, first: i32, count: i32): i32 {
  return addMoments<BF16>(place, first, count);
}

export function momentsF16(place: usize, first: i32, count: i32): i32 {
  return addMoments<F16>(place, first, count);
}

export function momentsF32(place: usize, first: i32, count: i32): i32 {
  return addMoments<F32>(place, first, count);
}
