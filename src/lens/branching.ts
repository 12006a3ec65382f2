import { averageLinkage } from './linkage';
import { cutTree } from './task-groups';

/** One depth of the network: its parameters, and how far every two tasks are from each other there. */
export interface Depth {
  readonly row: string;
  readonly label: string;
  /** Parameters of the base at this depth. */
  readonly parameters: number;
  /** 1 − cos(τᵢ, τⱼ), n × n, row-major; 0 between tasks that both leave it unchanged. */
  readonly distances: Float64Array;
}

/** Which tasks share a depth. */
export interface Branches {
  readonly depth: Depth;
  /** Group of each task, counted from 0. */
  readonly groups: readonly number[];
  readonly count: number;
  /** Mean cosine of two tasks of one group; `null` where every task stands alone. */
  readonly agreement: number | null;
}

/**
 * A branching of tasks from the input up (Guo et al. 2020; grouped layer by layer as by Gurulingan et al. 2023): at each depth
 * a group stays together while the average linkage of 1 − cos joins it below 1 − `agreement`. Groups only ever divide,
 * since what has branched off cannot come back.
 */
export function branch(depths: readonly Depth[], tasks: number, agreement: number): Branches[] {
  let groups: readonly number[] = new Array<number>(tasks).fill(0);
  return depths.map((depth) => {
    groups = refine(depth.distances, groups, 1 - agreement);
    return {
      depth,
      groups,
      count: new Set(groups).size,
      agreement: meanAgreement(depth.distances, groups),
    };
  });
}

/** Divides each group where its members are further apart than `height`. */
function refine(distances: Float64Array, groups: readonly number[], height: number): number[] {
  const n = groups.length;
  const refined = new Array<number>(n).fill(0);
  let next = 0;
  for (const group of new Set(groups)) {
    const members = groups.flatMap((own, task) => (own === group ? [task] : []));
    const own = Float64Array.from(members.flatMap((i) => members.map((j) => distances[i * n + j] as number)));
    const merges = averageLinkage(own, members.length);
    const joined = merges.filter((merge) => merge.height <= height + ROUNDING).length;
    const parts = cutTree(merges, members.length, members.length - joined);
    for (const [position, task] of members.entries()) refined[task] = next + (parts[position] ?? 0);
    next += members.length - joined;
  }
  return refined;
}

/** A cosine of exactly the threshold keeps together, whatever its last digit. */
const ROUNDING = 1e-12;

function meanAgreement(distances: Float64Array, groups: readonly number[]): number | null {
  const n = groups.length;
  let sum = 0;
  let pairs = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      if (groups[i] !== groups[j]) continue;
      sum += 1 - (distances[i * n + j] as number);
      pairs++;
    }
  }
  return pairs > 0 ? sum / pairs : null;
}

/** Parameters of the whole tree: every depth once for each of its groups. */
export function costOf(branches: readonly Branches[]): number {
  return branches.reduce((sum, { depth, count }) => sum + depth.parameters * count, 0);
}

/** Mean agreement over depths that are shared by two tasks or more, weighted by their parameters. */
export function agreementOf(branches: readonly Branches[]): number | null {
  let sum = 0;
  let weight = 0;
  for (const { depth, agreement } of branches) {
    if (agreement === null) continue;
    sum += agreement * depth.parameters;
    weight += depth.parameters;
  }
  return weight > 0 ? sum / weight : null;
}
