import type { ComputeSettings } from './compute-messages';

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

/** Bytes that kept results may take on disk, where the user has not said. */
export const DEFAULT_CACHE_LIMIT = 512 * MIB;

/** What a user's settings say of kept results; `undefined` where they do not say or make no sense. */
export function cacheSettingsFrom(settings: unknown): {
  readonly limit: number | undefined;
  readonly hashContents: boolean | undefined;
} {
  const own = property(settings, 'deltalens') ?? settings;
  const limit = property(own, 'cacheLimitMiB');
  const hash = property(own, 'hashContents');
  return {
    limit: typeof limit === 'number' && Number.isFinite(limit) && limit >= 0 ? limit * MIB : undefined,
    hashContents: typeof hash === 'boolean' ? hash : undefined,
  };
}

/** Whether a user wants to hear of paths in code that lead to no checkpoint; `undefined` where the settings do not say. */
export function missingCheckpointsFrom(settings: unknown): boolean | undefined {
  const own = property(settings, 'deltalens') ?? settings;
  const tell = property(own, 'missingCheckpoints');
  return typeof tell === 'boolean' ? tell : undefined;
}

/** The folder for kept results that the editor names when it starts the server; `null` where it names none. */
export function cacheFolderFrom(options: unknown): string | null {
  const folder = property(options, 'cacheFolder');
  return typeof folder === 'string' && folder !== '' ? folder : null;
}

/** Bytes that may be fetched from the Hub unasked, of the setting `hub.askAbove` in GB; `undefined` where settings do not say. */
export function askAboveFrom(settings: unknown): number | undefined {
  const own = property(settings, 'deltalens') ?? settings;
  const gigabytes = property(property(own, 'hub'), 'askAbove');
  const makesSense = typeof gigabytes === 'number' && Number.isFinite(gigabytes) && gigabytes >= 0;
  return makesSense ? gigabytes * 1e9 : undefined;
}

/** What the editor that starts the server says of the Hub: a token from its secrets, and a folder of its storage. */
export function hubSettingsFrom(options: unknown): ComputeSettings['hub'] {
  const text = (name: string): string | null => {
    const value = property(options, name);
    return typeof value === 'string' && value !== '' ? value : null;
  };
  return { token: text('hubToken'), folder: text('hubFolder') };
}

function property(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}
