/** Runs a program to its end, without a shell and without input. */

import { spawn } from 'node:child_process';

export interface CommandResult {
  /** Null where a signal ended it or it could not be started. */
  readonly code: number | null;
  readonly stdout: string;
  /** Where it could not be started: why. */
  readonly stderr: string;
}

/** Never rejects. The program is killed after `timeoutMs`. */
export async function runCommand(
  argv: readonly string[],
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<CommandResult> {
  const [program = '', ...rest] = argv;
  return await new Promise((resolve) => {
    const child = spawn(program, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += String(text);
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += String(text);
    });
    child.once('error', (error) => resolve({ code: null, stdout, stderr: error.message }));
    // Not `close`: what a program leaves running in the background may hold its output open.
    child.once('exit', (code) => setImmediate(() => resolve({ code, stdout, stderr })));
  });
}
