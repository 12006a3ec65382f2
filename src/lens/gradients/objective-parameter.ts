import type { Network } from '../../graph/network';
import type { Objective } from '../../graph/objective/objective';
import type { ParameterDeclaration, ParameterValues } from '../../protocol/lens';

/** What the network is differentiated for. */
export const OBJECTIVE_PARAMETER: ParameterDeclaration = {
  name: 'objective',
  title: 'Objective',
  help: 'What is differentiated: the log-likelihood of the labels, their logit (as some papers released it), or, without labels, the entropy of the output.',
  type: 'choice',
  default: 'log-likelihood',
  choices: [
    { value: 'log-likelihood', title: 'log-likelihood of the labels' },
    { value: 'gold-logit', title: 'logit of the labels' },
    { value: 'entropy', title: 'entropy of the output' },
  ],
};

/** The objective that the parameters ask for, on the output `logits` or else the first one. */
export function objectiveOf({ map }: Network, parameters: ParameterValues): Objective {
  const { outputs } = map.graph;
  const output = (outputs.find(({ name }) => name === 'logits') ?? outputs[0])?.name ?? '';
  const kind = parameters['objective'];
  return kind === 'gold-logit' || kind === 'entropy' ? { kind, output } : { kind: 'log-likelihood', output };
}

/** Whether an objective is about labels. */
export function takesLabels({ kind }: Objective): boolean {
  return kind !== 'entropy' && kind !== 'output';
}

/** What an objective is multiplied by to be a loss: likelihoods and logits are to grow, the entropy is to fall. */
export function lossSign({ kind }: Objective): 1 | -1 {
  return kind === 'log-likelihood' || kind === 'gold-logit' || kind === 'regression' ? -1 : 1;
}

/** What a loss is called in captions. */
export function lossText({ kind }: Objective): string {
  if (kind === 'log-likelihood') return 'cross-entropy of the labels';
  return kind === 'gold-logit' ? 'negative logit of the labels' : `${kind} of the output`;
}
