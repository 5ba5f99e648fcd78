/**
 * Carries out the steps of a takeover, and undoes them. The previous state and each step are on
 * disk before the step is taken: a takeover that is interrupted anywhere can be undone.
 */

import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { mkdir, rm, rmdir, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import * as z from 'zod';
import { errorCodeOf, isMissing } from '../../lib/errors/system-error.ts';
import { isKnownFormat } from '../../lib/file/format-number.ts';
import { SafeDirectory } from '../../lib/file/safe-directory.ts';
import { writeFileAtomically } from '../../lib/file/write-file.ts';
import { runCommand } from '../../lib/process/run-command.ts';
import { findUser, type UserIds } from '../../lib/process/user.ts';
import { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import { RuntimeError } from '../errors.ts';
import type { AddressStep, FileStep, TakeoverStep } from '../takeover-model.ts';
import { accept } from './kernel-request.ts';

/** ifup waits for its DHCP client, and stopping NetworkManager for its own. */
const commandMs = 90_000;

const argvSchema = z.array(z.string()).min(1);
/** The newest (lib/file/format-number.ts). Not written while it is 1: 0.1.0 takes no other key. */
const recordFormat = 1;
/** Keys of another version stay in it. */
const recordSchema = z.looseObject({
  files: z.array(z.looseObject({ path: z.string(), wasThere: z.boolean() })),
  /** As they are to be run, the last one first. */
  undo: z.array(argvSchema),
  /** Those that run before the files are restored. */
  undoFirst: z.array(argvSchema),
  isComplete: z.boolean(),
});
type Record = z.infer<typeof recordSchema>;

export class Takeover {
  readonly #directory: string;

  /** `directory` outlives a boot: /var/lib/enid/takeover. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Whether something was done that is not undone yet. */
  get isTaken(): boolean {
    return existsSync(this.#path('record.json'));
  }

  /**
   * Throws a RuntimeError at the first step that fails; the steps before it, and those before this
   * call, can be undone.
   */
  async apply(steps: readonly TakeoverStep[], onStep: (step: TakeoverStep) => void): Promise<void> {
    // The daemon's own user owns a directory above it.
    await mkdir(dirname(this.#directory), { recursive: true, mode: 0o755 });
    await mkdir(this.#path('files'), { recursive: true, mode: 0o700 });
    // The state before an earlier takeover must not be overwritten by this one.
    const record: Record = this.isTaken
      ? { ...this.#read(), isComplete: false }
      : { files: [], undo: [], undoFirst: [], isComplete: false };
    for (const step of steps) {
      onStep(step);
      if (step.kind === 'command' || step.kind === 'kill') {
        const isUndoneFirst = step.kind === 'command' && step.isUndoneFirst;
        (isUndoneFirst ? record.undoFirst : record.undo).unshift(...step.undo.map((argv) => [...argv]));
        await this.#write(record);
        if (step.kind === 'command') await run(step.argv);
        else killProcesses(step.processIds);
      } else if (step.kind === 'renew-address') {
        await renewAddress(step);
      } else {
        // A second step on the same path must not replace the original.
        if (!record.files.some(({ path }) => path === step.path))
          record.files.unshift({ path: step.path, wasThere: await this.#keep(step.path) });
        await this.#write(record);
        await applyFile(step);
      }
    }
  }

  /** From here on it is a completed takeover, not an interrupted one. */
  async complete(): Promise<void> {
    await this.#write({ ...this.#read(), isComplete: true });
  }

  /**
   * Goes on past failures and resolves to their reasons; null: everything is restored. Files first,
   * then commands, each in reverse order; programs that write such files are stopped before.
   */
  async undo(onStep: (text: string) => void): Promise<string | null> {
    const { files, undo, undoFirst } = this.#read();
    const failures: string[] = [];
    const attempt = async (text: string, act: () => Promise<void>) => {
      onStep(text);
      await act().catch((error: unknown) => failures.push(error instanceof Error ? error.message : String(error)));
    };
    for (const argv of undoFirst) await attempt(argv.join(' '), () => run(argv));
    for (const { path, wasThere } of files)
      await attempt(`${wasThere ? 'put back' : 'remove'} ${path}`, () => this.#restore(path, wasThere));
    for (const argv of undo) await attempt(argv.join(' '), () => run(argv));
    if (failures.length > 0) return failures.join('; ');
    await rm(this.#directory, { recursive: true, force: true });
    return null;
  }

  async #keep(path: string): Promise<boolean> {
    return await actOn(path, 'keep', async (entry) => {
      if (entry === null || !isThere(entry)) return false;
      const kept = this.#kept(path);
      refuseDirectory(entry);
      // By cp: it keeps owner, mode and the target of a symbolic link, and /var may be another file
      // system.
      await run(['cp', '--archive', '--no-target-directory', entry, kept]);
      try {
        // Nobody else can replace it in this directory.
        refuseDirectory(kept);
      } catch (error) {
        await rm(kept, { recursive: true, force: true });
        throw error;
      }
      return true;
    });
  }

  async #restore(path: string, wasThere: boolean): Promise<void> {
    if (wasThere) {
      // Not into an existing file: it may be a symbolic link by now.
      const argv = ['cp', '--archive', '--no-target-directory', '--remove-destination', this.#kept(path)];
      makeParent(path, null);
      return await actOn(path, 'put back', (entry) => run([...argv, entry ?? path]));
    }
    await actOn(path, 'remove', removeIfThere);
    // A drop-in folder that was created for it; one with files of others stays.
    const directory = dirname(path);
    if (directory.endsWith('.d'))
      await actOn(directory, 'remove', async (entry) => {
        if (entry !== null) await rmdir(entry).catch(() => undefined);
      });
  }

  async #write(record: Record): Promise<void> {
    await writeFileAtomically(this.#path('record.json'), `${JSON.stringify(record, null, 2)}\n`, { sync: true });
  }

  #read(): Record {
    const path = this.#path('record.json');
    const refuse = (why: string, cause?: unknown): never => {
      throw new RuntimeError('record', path, `failed to read ${path}: ${why}`, { cause });
    };
    try {
      const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
      if (isKnownFormat(value, recordFormat)) return recordSchema.parse(value);
    } catch (error) {
      return refuse('was there a takeover?', error);
    }
    return refuse('a newer version has written it: install that');
  }

  #kept(path: string): string {
    return this.#path(join('files', path.replaceAll('/', '%2F')));
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

async function applyFile(step: FileStep): Promise<void> {
  const owner = step.kind === 'write' && step.owner === 'enid' ? findDaemonUser() : null;
  if (step.kind !== 'remove') makeParent(step.path, owner);
  await actOn(step.path, step.kind, async (entry) => {
    if (entry === null) return;
    // enid itself changes them later, in a directory where users may only replace their own files.
    if (step.kind === 'write')
      return void (await writeFileAtomically(entry, step.text, owner === null ? {} : { owner }));
    await removeIfThere(entry);
    if (step.kind === 'link') await symlink(step.target, entry);
  });
}

async function removeIfThere(entry: string | null): Promise<void> {
  if (entry !== null) await rm(entry, { force: true });
}

/**
 * Acts on an entry of a directory; null: the directory does not exist. The daemon's user can write
 * to some of them: no symbolic link on the path is followed unless root owns it.
 */
async function actOn<T>(path: string, verb: string, act: (entry: string | null) => Promise<T>): Promise<T> {
  try {
    const directory = openIfThere(dirname(path));
    try {
      return await act(directory?.at(basename(path)) ?? null);
    } finally {
      directory?.close();
    }
  } catch (error) {
    throw toError(verb, path, error);
  }
}

function openIfThere(path: string): SafeDirectory | null {
  try {
    return SafeDirectory.open(path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** `owner`: of a drop-in folder that is created; an existing one keeps its owner. */
function makeParent(path: string, owner: UserIds | null): void {
  const directory = dirname(path);
  const isOwned = owner !== null && directory.endsWith('.network.d');
  try {
    const above = SafeDirectory.open(isOwned ? dirname(directory) : directory, { make: true });
    try {
      if (isOwned) above.make(basename(directory), owner);
    } finally {
      above.close();
    }
  } catch (error) {
    throw toError('make', directory, error);
  }
}

function toError(verb: string, path: string, error: unknown): RuntimeError {
  if (error instanceof RuntimeError) return error;
  const cause = error instanceof Error ? error.message : String(error);
  return new RuntimeError('file', path, `failed to ${verb} ${path}: ${cause}`, { cause: error });
}

function findDaemonUser(): UserIds {
  const user = findUser('enid');
  if (user !== null) return user;
  throw new RuntimeError('user', 'enid', 'expected a user enid in /etc/passwd, got none. Make it: systemd-sysusers');
}

function killProcesses(processIds: readonly number[]): void {
  for (const processId of processIds) {
    try {
      process.kill(processId, 'SIGKILL');
    } catch (error) {
      if (errorCodeOf(error) !== 'ESRCH') throw error;
    }
  }
}

/**
 * Nothing else happens between deletion and addition: a packet that arrives in between finds a host
 * without the address.
 */
async function renewAddress({ address, routes }: AddressStep): Promise<void> {
  const client = new RtnetlinkClient();
  try {
    await accept(['EADDRNOTAVAIL'], client.deleteAddress(address));
    await accept([], client.addAddress(address));
    for (const route of routes) await accept(['EEXIST'], client.addRoute(route, { mode: 'create' }));
  } finally {
    client.close();
  }
}

/**
 * A symbolic link counts, wherever it points. Throws if that cannot be determined: the undo removes
 * what is taken for missing.
 */
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/**
 * After it is restored it would be written to by path, and so through any symbolic link that its
 * owner puts there.
 */
function refuseDirectory(path: string): void {
  if (lstatSync(path).isDirectory()) throw new Error('expected a file, got a directory. Move it away');
}

async function run(argv: readonly string[]): Promise<void> {
  const text = argv.join(' ');
  const { code, stdout, stderr } = await runCommand(argv, { timeoutMs: commandMs });
  if (code !== 0) throw new RuntimeError('command', text, `failed to run ${text}: ${(stderr || stdout).trim()}`);
}
