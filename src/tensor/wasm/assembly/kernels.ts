// What the worker may call, one function per kind of work and element type.
import { BF16, E4M3, E5M2, F16, F32 } from './elements';
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

export function pairF8_E4M3(first: i32, count: i32): i32 {
  return addPair<E4M3>(first, count);
}

export function pairF8_E5M2(first: i32, count: i32): i32 {
  return addPair<E5M2>(first, count);
}

export function groupF8_E4M3(tasks: i32, first: i32, count: i32): i32 {
  return addGroup<E4M3>(tasks, first, count);
}

export function groupF8_E5M2(tasks: i32, first: i32, count: i32): i32 {
  return addGroup<E5M2>(tasks, first, count);
}

export function momentsF8_E4M3(place: usize, first: i32, count: i32): i32 {
  return addMoments<E4M3>(place, first, count);
}

export function momentsF8_E5M2(place: usize, first: i32, count: i32): i32 {
  return addMoments<E5M2>(place, first, count);
}
