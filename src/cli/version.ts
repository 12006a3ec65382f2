import { version as packageVersion } from '../../package.json';

/** The version of this build, from the package's manifest. */
export function version(): string {
  return packageVersion;
}
