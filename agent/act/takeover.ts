/**
 * Carries out the steps of a takeover, and takes them back. What was there before, and what was
 * done, is on disk before each step: a takeover that is cut off anywhere can be undone.
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

/** ifup waits for its client, and NetworkManager's stop for its own. */
const commandMs = 90_000;

const argvSchema = z.array(z.string()).min(1);
/** The newest (lib/file/format-number.ts). Not written while it is 1: 0.1.0 takes no other key. */
const recordFormat = 1;
/** Keys of another version stay in it. */
const recordSchema = z.looseObject({
  files: z.array(z.looseObject({ path: z.string(), wasThere: z.boolean() })),
  /** As they are to be run, the last one first. */
  undo: z.array(argvSchema),
  /** Those that come before the files. */
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

  /** Whether something was done that is not undone. */
  get isTaken(): boolean {
    return existsSync(this.#path('record.json'));
  }

  /**
   * Throws a RuntimeError at the first step that fails: what was done before it, and before this
   * call, can be undone.
   */
  async apply(steps: readonly TakeoverStep[], onStep: (step: TakeoverStep) => void): Promise<void> {
    // Above it the daemon's own user has a directory.
    await mkdir(dirname(this.#directory), { recursive: true, mode: 0o755 });
    await mkdir(this.#path('files'), { recursive: true, mode: 0o700 });
    // What was there before an earlier takeover must not be forgotten for this one.
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
        // A second step on the same path must not hide what was there at first.
        if (!record.files.some(({ path }) => path === step.path))
          record.files.unshift({ path: step.path, wasThere: await this.#keep(step.path) });
        await this.#write(record);
        await applyFile(step);
      }
    }
  }

  /** From here on it is a takeover that was made, not one that was cut off. */
  async complete(): Promise<void> {
    await this.#write({ ...this.#read(), isComplete: true });
  }

  /**
   * Goes on past what fails, and resolves to why; null: all is as it was. Files first, then
   * commands, each in reverse; but whoever writes such files ends before.
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
      // By cp: owner, mode and what a link says stay, and /var may be another file system.
      await run(['cp', '--archive', '--no-target-directory', entry, kept]);
      try {
        // Here nobody else can exchange it.
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
      // Not into a file that is there: it may be a link by now.
      const argv = ['cp', '--archive', '--no-target-directory', '--remove-destination', this.#kept(path)];
      makeParent(path, null);
      return await actOn(path, 'put back', (entry) => run([...argv, entry ?? path]));
    }
    await actOn(path, 'remove', removeIfThere);
    // A folder of drop-ins that was made for it; others' files keep theirs.
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
    // enid itself changes them later, in a directory where one may only replace what is one's own.
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
 * Acts on an entry of a directory; null: there is no such directory. The daemon's user can write to
 * some of them: no link on the way is followed that is not root's own.
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

/** `owner`: of a folder of drop-ins that is made; one that is there stays whose it is. */
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

/** Nobody is asked between the two: a packet that comes there meets a host without the address. */
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
 * A link counts, wherever it leads. Throws where it cannot be told: what is taken for missing is
 * removed by the undo.
 */
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/**
 * Put back, it would be written to by names: through any link that its owner lays into it
 * meanwhile.
 */
function refuseDirectory(path: string): void {
  if (lstatSync(path).isDirectory()) throw new Error('expected a file, got a directory. Move it away');
}

async function run(argv: readonly string[]): Promise<void> {
  const text = argv.join(' ');
  const { code, stdout, stderr } = await runCommand(argv, { timeoutMs: commandMs });
  if (code !== 0) throw new RuntimeError('command', text, `failed to run ${text}: ${(stderr || stdout).trim()}`);
}
