import type { AdapterTask } from './adapter-tasks';
import { relativeOf, type CardTarget } from './adapter-targets';
import { countText, namesText, shortNumber } from './wording';

/** What state an adapter is in, the worst first. */
export type HealthClass =
  | 'broken'
  | 'no weight change'
  | 'does nothing'
  | 'applies in part'
  | 'overwhelms the base'
  | 'hardly moves'
  | 'not measured'
  | 'healthy';

export interface Health {
  readonly state: HealthClass;
  /** A sentence. */
  readonly why: string;
}

/** A change as large as the weight itself leaves little of the base. */
const OVERWHELMING = 1;
/** Below this share of every weight a change is near the rounding of bfloat16 (2⁻⁸) and may vanish when it is merged. */
const FAINT = 2 ** -12;

/** The state of an adapter, of its norms and of what could not be placed. */
export function healthOf(
  { adapter, task }: AdapterTask,
  targets: readonly CardTarget[],
  hasBase: boolean,
): Health {
  const { refusal } = adapter.description;
  if (refusal !== null) return { state: 'no weight change', why: sentence(refusal) };
  const broken = targets.filter(({ norm }) => norm?.isBroken);
  if (broken.length > 0) return { state: 'broken', why: `Values that are not finite in ${modules(broken)}.` };
  const placed = targets.filter(({ isPlaced }) => isPlaced);
  if (!hasBase && targets.length > 0 && placed.length === 0)
    return { state: 'not measured', why: `It needs its base.${firstReason(task.unplaced)}` };
  if (placed.length === 0)
    return { state: 'does nothing', why: `No target has a place here.${firstReason(task.unplaced)}` };
  const known = placed.filter(({ norm }) => norm !== null);
  const still = known.filter(({ norm }) => norm?.norm === 0);
  if (known.length > 0 && still.length === known.length)
    return { state: 'does nothing', why: 'Every ΔW is zero: B is still at its start, or the scale is 0.' };
  const missing = targets.length - placed.length;
  if (hasBase && missing > 0)
    return {
      state: 'applies in part',
      why: `${countText(missing, 'target')} of ${String(targets.length)} left out.${firstReason(task.unplaced)}`,
    };
  if (still.length > 0) return { state: 'applies in part', why: `ΔW is zero in ${modules(still)}.` };
  return strengthOf(known);
}

function strengthOf(known: readonly CardTarget[]): Health {
  const ranked = known
    .flatMap((target) => {
      const relative = relativeOf(target);
      return relative === null ? [] : [{ ...target, relative }];
    })
    .sort((x, y) => y.relative - x.relative);
  const [most] = ranked;
  if (!most)
    return { state: 'healthy', why: 'All values are finite and every ΔW that is known is not zero.' };
  const over = ranked.filter(({ relative }) => relative >= OVERWHELMING);
  if (over.length > 0)
    return {
      state: 'overwhelms the base',
      why: `‖ΔW‖ is ${shortNumber(most.relative)} times ‖W₀‖ in ${most.module}, and above it in ${countText(over.length, 'target')}.`,
    };
  if (most.relative < FAINT)
    return {
      state: 'hardly moves',
      why: `‖ΔW‖ is at most ${shortNumber(most.relative)} of ‖W₀‖: rounding of bfloat16 may swallow it when merged.`,
    };
  return { state: 'healthy', why: `‖ΔW‖ is at most ${shortNumber(most.relative)} of ‖W₀‖ (${most.module}).` };
}

function modules(targets: readonly CardTarget[]): string {
  return namesText(targets.map(({ module }) => module), 3); // prettier-ignore
}

function firstReason(unplaced: AdapterTask['task']['unplaced']): string {
  const [first] = unplaced;
  return first ? ` ${first.tensor}: ${first.reason}.` : '';
}

function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return whole.endsWith('.') ? whole : `${whole}.`;
}
