/**
 * Runs a script in a separate network namespace: a Node process cannot enter one, and `unshare -n`
 * leaves nothing behind.
 */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface Check {
  readonly name: string;
  readonly want?: unknown;
  readonly got?: unknown;
}

/** `path` is relative to this folder; the script prints its checks as JSON. */
export async function runInNamespace(path: string): Promise<readonly Check[]> {
  const script = fileURLToPath(new URL(path, import.meta.url));
  const { NODE_OPTIONS: _jestOnly, ...env } = process.env;
  const { stdout } = await promisify(execFile)('unshare', ['-n', process.execPath, '--import', 'tsx', script], {
    env,
    maxBuffer: 16 * 1024 * 1024,
    timeout: 60_000,
  });
  return JSON.parse(stdout);
}
