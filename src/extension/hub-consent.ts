import * as vscode from 'vscode';
import { HUB_ASK } from '../protocol/requests';
import { CANCELLED, failure, type Problem, type Result } from '../protocol/result';

/** Asks the user before much is fetched from the Hub, once for the same models in a session. */
export class HubConsent {
  private readonly given = new Set<string>();
  /** Several lenses that wait for the same answer are one question. */
  private readonly asking = new Map<string, Promise<boolean>>();

  /** An answer as it is; where it says that the user has to be asked first, that of asking again once the user agreed. */
  async orAsk<T>(answer: Result<T>, again: () => Promise<Result<T>>): Promise<Result<T>> {
    if (answer.ok || answer.problem.code !== HUB_ASK) return answer;
    if (await this.mayFetch(answer.problem)) return again();
    const message = vscode.l10n.t('Nothing was fetched.');
    return failure({ code: CANCELLED, message, action: vscode.l10n.t('Ask for it again when you want it.') });
  }

  private mayFetch({ message, at = message }: Problem): Promise<boolean> {
    if (this.given.has(at)) return Promise.resolve(true);
    const asked = this.asking.get(at) ?? this.ask(message, at).finally(() => this.asking.delete(at));
    this.asking.set(at, asked);
    return asked;
  }

  private async ask(message: string, models: string): Promise<boolean> {
    const fetch = vscode.l10n.t('Fetch');
    const question = vscode.l10n.t('Fetch from the Hugging Face Hub?');
    const detail = vscode.l10n.t(
      '{0} What comes is kept for the next time. The setting deltalens.hub.askAbove says from which size on you are asked.',
      message,
    );
    const chosen = await vscode.window.showWarningMessage(question, { modal: true, detail }, fetch);
    if (chosen !== fetch) return false;
    this.given.add(models);
    return true;
  }
}
