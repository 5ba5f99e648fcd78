/** Runs a program to its end, without a shell and without input. */

export interface CommandResult {
  /** Null where a signal ended it or it could not be started. */
  readonly code: number | null;
  readonly stdout: string;
  /** Where it could not be started: why. */
  readonly stderr: string;
}

/** What was written before the end is here by then. */
const openOutputMs = 500;

/** Never rejects. The program is killed after `timeoutMs`. */
export async function runCommand(
  argv: readonly string[],
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<CommandResult> {
  const [program = '', ...rest] = argv;
  // Loaded here: a start of the daemon runs no program.
  const { spawn } = await import('node:child_process');
  return await new Promise((resolve) => {
    const child = spawn(program, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // In a session of its own: what is typed on the terminal, or its end, is for the caller
      // alone.
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
    // libuv may tell of an exit before the output is read, where another child ended just before
    // (uv__wait_children asks for all of them). What a program leaves running in the background,
    // though, may hold its output open for good.
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
