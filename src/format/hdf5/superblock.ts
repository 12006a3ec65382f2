import { Hdf5Error, Hdf5File } from './file';
import type { ReadBytes } from '../read';

/** First bytes of every HDF5 file (without a user block). */
export const HDF5_SIGNATURE = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');

/** A file with the address of its root group, and how long it says it is. */
export interface Hdf5Root {
  readonly file: Hdf5File;
  readonly root: number;
  readonly claimedBytes: number;
}

/** Reads the superblock (HDF5 File Format Specification 3.0, II.A), versions 0 to 3. */
export async function readSuperblock(read: ReadBytes, bytes: number): Promise<Hdf5Root> {
  const file = new Hdf5File(read, bytes);
  const cursor = await file.at(0, Math.min(bytes, 128));
  cursor.signature(HDF5_SIGNATURE.toString('latin1'));
  const version = cursor.u8();
  if (version > 3) cursor.fail(`has the unknown superblock version ${String(version)}`);
  if (version < 2) cursor.skip(4);
  const sizes = [cursor.u8(), cursor.u8()];
  if (sizes.some((size) => size !== 2 && size !== 4 && size !== 8))
    cursor.fail('has addresses of an unknown size');
  [file.addressBytes = 8, file.lengthBytes = 8] = sizes;
  cursor.skip(version < 2 ? 9 : 1);
  if (version === 1) cursor.skip(4);
  if (cursor.addressField() !== 0) throw new Hdf5Error('begins with a user block, which is not read', 0);
  cursor.addressField();
  const claimedBytes = cursor.addressField();
  if (version < 2) {
    cursor.addressField();
    cursor.addressField();
  }
  return { file, root: cursor.addressField(), claimedBytes };
}
