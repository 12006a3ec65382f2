import path from 'node:path';
import { isHubAddress } from '../protocol/hub-address';

/** What is read, as the user names it: a path made absolute, or an address of the Hub as it is. */
export function inputPath(text: string): string {
  return isHubAddress(text) ? text : path.resolve(text);
}
