import { failure, success, type Result } from '../protocol/result';
import type { ParameterDeclaration, ParameterValues } from '../protocol/lens';

/** Lets a reader confine a lens that takes long to some tensors. */
export const TENSORS_PARAMETER: ParameterDeclaration = {
  name: 'tensors',
  title: 'Tensors',
  help: 'Only tensors whose names contain one of these parts, separated by commas; empty for all.',
  type: 'text',
  default: '',
};

/**
 * Of some things with a tensor name those that the parameter `tensors` asks for. Fails with `no-tensor-chosen` where it
 * leaves none of them.
 */
export function chosenTensors<T extends { readonly tensor: string }>(
  all: readonly T[],
  parameters: ParameterValues,
): Result<readonly T[]> {
  const text = typeof parameters['tensors'] === 'string' ? parameters['tensors'] : '';
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const chosen =
    parts.length === 0 ? all : all.filter(({ tensor }) => parts.some((part) => tensor.includes(part)));
  if (chosen.length > 0 || all.length === 0) return success(chosen);
  return failure({
    code: 'no-tensor-chosen',
    message: `No tensor's name contains ${parts.map((part) => `"${part}"`).join(' or ')}.`,
    action: `Name a part of a tensor's name, such as "${all[0]?.tensor ?? ''}", or leave the parameter "tensors" empty.`,
    at: 'tensors',
  });
}
