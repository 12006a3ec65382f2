import { MANIFEST_ENDING, MANIFEST_SCHEME } from '../../protocol/manifest';
import { pathOfUri, uriOfPath } from '../file-uri';

/** A manifest that an editor shows. */
export interface ManifestDocument {
  /** Absolute path of the checkpoint. */
  readonly path: string;
  /** One side of a comparison. */
  readonly isSide: boolean;
}

/** What a URI of a manifest shows; `null` for any other URI. */
export function manifestOf(uri: string): ManifestDocument | null {
  if (!uri.startsWith(`${MANIFEST_SCHEME}:`)) return null;
  const [place = '', query] = uri.slice(MANIFEST_SCHEME.length).split('?', 2);
  if (!place.endsWith(MANIFEST_ENDING)) return null;
  const path = pathOfUri(`file${place.slice(0, -MANIFEST_ENDING.length)}`);
  return path === null ? null : { path, isSide: query !== undefined };
}

/** The URI of the manifest of the checkpoint at an absolute path. */
export function manifestUriOf(path: string): string {
  return `${MANIFEST_SCHEME}${uriOfPath(path).slice('file'.length)}${MANIFEST_ENDING}`;
}
