/** Runs a program until it exits, without a shell and without input. */

export interface CommandResult {
  /** Null if a signal ended it or it could not be started. */
  readonly code: number | null;
  readonly stdout: string;
  /** If it could not be started: the reason. */
  readonly stderr: string;
}

/** All output from before the exit. */
const openOutputMs = 500;

/** Never rejects. The program is killed after `timeoutMs`. */
export async function runCommand(
  argv: readonly string[],
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<CommandResult> {
  const [program = '', ...rest] = argv;
  // Loaded here: the daemon runs no program at its start.
  const { spawn } = await import('node:child_process');
  return await new Promise((resolve) => {
    const child = spawn(program, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // In its own session: terminal input and hang-ups reach only the caller.
      detached: true,
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
    // libuv may report an exit before the output is read, if another child exited just before
    // (uv__wait_children asks for all of them). However, a program left running in the background
    // may keep the output open for ever.
    let timer: NodeJS.Timeout | null = null;
    child.once('exit', (code) => {
      timer = setTimeout(() => resolve({ code, stdout, stderr }), openOutputMs);
    });
    child.once('close', (code) => {
      if (timer !== null) clearTimeout(timer);
      resolve({ code, stdout, stderr });
    });
  });
}
