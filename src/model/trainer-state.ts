import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Checkpoint } from '../format/checkpoint';
import { stepInName } from '../protocol/step-name';
import { homeOf } from './adapter-base';

/** How far training was when a checkpoint was saved. */
export interface Training {
  /** Optimiser steps; `null` where neither the trainer's state nor the folder's name tells. */
  readonly step: number | null;
  /** What the trainer logged up to then, by step; a `null` was not logged. */
  readonly losses: readonly {
    readonly step: number;
    readonly loss: number | null;
    readonly evaluation: number | null;
  }[];
}

/** What trainers write beside the weights (transformers, and whatever imitates it). */
const TRAINER_STATE = 'trainer_state.json';
const LARGEST_STATE = 64 * 2 ** 20;
/**
 * Step and losses of a checkpoint: from `trainer_state.json` beside it, the step else from its folder's name. `null`
 * where there is neither. A state that cannot be read is as good as none.
 */
export async function readTraining({ path }: Pick<Checkpoint, 'path'>): Promise<Training | null> {
  const home = homeOf(path);
  const named = stepInName(basename(home));
  const state = await readState(join(home, TRAINER_STATE));
  const global = state === null ? null : numberOf(state['global_step']);
  const step = global ?? named;
  const losses = state === null ? [] : lossesOf(state['log_history']);
  return step === null && losses.length === 0 ? null : { step, losses };
}

async function readState(path: string): Promise<Readonly<Record<string, unknown>> | null> {
  try {
    const found = await stat(path);
    if (!found.isFile() || found.size > LARGEST_STATE) return null;
    const state: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isRecord(state) ? state : null;
  } catch {
    return null; // There is none, or it is still being written.
  }
}

function lossesOf(history: unknown): Training['losses'] {
  if (!Array.isArray(history)) return [];
  return history.flatMap((entry: unknown) => {
    if (!isRecord(entry)) return [];
    const step = numberOf(entry['step']);
    const loss = numberOf(entry['loss']);
    const evaluation = numberOf(entry['eval_loss']);
    return step === null || (loss === null && evaluation === null) ? [] : [{ step, loss, evaluation }];
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
