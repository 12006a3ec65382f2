import fs from 'node:fs/promises';
import { parseStudy } from '../../model/study-file';
import type { RequestParams, RequestResult } from '../../protocol/requests';
import { failure, problemFromError } from '../../protocol/result';

/** More than any study needs; a file above it is not read at all. */
const LARGEST = 4 * 2 ** 20;

/** Reads a `*.study.yaml`, or its text as an editor has it. Fails as `parseStudy` does, or with the operating system's answer. */
export async function readStudy({
  path,
  text,
}: RequestParams<'deltalens/readStudy'>): Promise<RequestResult<'deltalens/readStudy'>> {
  if (text !== undefined) return parseStudy(text, path);
  try {
    const { size } = await fs.stat(path);
    if (size > LARGEST) {
      const message = `${path} has ${String(size)} bytes, which is too much for a study.`;
      return failure({ code: 'study-invalid', message, action: 'Open a *.study.yaml.', path });
    }
    return parseStudy(await fs.readFile(path, 'utf8'), path);
  } catch (error) {
    return failure(problemFromError(error, path));
  }
}
