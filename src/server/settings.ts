const MIB = 2 ** 20;

/** Bytes of tensor data up to which a checkpoint is scanned for NaN and ±Inf, where the user has not said. */
export const DEFAULT_SCAN_LIMIT = 2048 * MIB;

/**
 * The scan limit in bytes from a user's settings, `{ scanLimitMiB }` or `{ deltalens: { scanLimitMiB } }`;
 * `undefined` where they do not say or make no sense.
 */
export function scanLimitFrom(settings: unknown): number | undefined {
  const own = property(settings, 'deltalens') ?? settings;
  const limit = property(own, 'scanLimitMiB');
  return typeof limit === 'number' && Number.isFinite(limit) && limit >= 0 ? limit * MIB : undefined;
}

function property(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}
