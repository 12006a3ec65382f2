import * as vscode from 'vscode';
import type { RankChoice } from '../../protocol/write';

interface WayItem extends vscode.QuickPickItem {
  readonly by: RankChoice['by'];
  readonly prompt: string;
  readonly value: string;
}

/** Lets the user say how ranks are chosen. `undefined`: broken off. */
export async function pickRank(title: string, most: number | null): Promise<RankChoice | undefined> {
  const ways: WayItem[] = [
    {
      by: 'energy',
      label: vscode.l10n.t('By energy'),
      description: vscode.l10n.t('the smallest rank of each module that keeps a share of ‖ΔW‖²'),
      prompt: vscode.l10n.t('Share of ‖ΔW‖² to keep, above 0 and up to 1'),
      value: '0.95',
    },
    {
      by: 'error',
      label: vscode.l10n.t('By error'),
      description: vscode.l10n.t('the smallest rank of each module whose relative error is small enough'),
      prompt: vscode.l10n.t('Largest ‖ΔW − ΔWr‖ / ‖ΔW‖, from 0 to below 1'),
      value: '0.2',
    },
    {
      by: 'rank',
      label: vscode.l10n.t('One rank for all'),
      description: vscode.l10n.t('the same in every module'),
      prompt: vscode.l10n.t('Rank'),
      value: '8',
    },
  ];
  const way = await vscode.window.showQuickPick(ways, { title, placeHolder: vscode.l10n.t('How is the rank chosen?') }); // prettier-ignore
  if (!way) return undefined;
  const text = await vscode.window.showInputBox({
    title,
    prompt: way.prompt,
    value: way.value,
    validateInput: (typed) => (choiceOf(way.by, typed, most) ? undefined : way.prompt),
  });
  return text === undefined ? undefined : (choiceOf(way.by, text, most) ?? undefined);
}

/** What was typed as a choice; `null` where it is none. */
export function choiceOf(by: RankChoice['by'], text: string, most: number | null): RankChoice | null {
  const value = text.trim() === '' ? NaN : Number(text);
  if (by === 'rank') return Number.isInteger(value) && value > 0 ? { by, rank: value } : null;
  if (by === 'energy') return value > 0 && value <= 1 ? { by, energy: value, most } : null;
  return value >= 0 && value < 1 ? { by, error: value, most } : null;
}
