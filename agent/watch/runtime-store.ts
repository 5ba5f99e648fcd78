/**
 * What survives a restart of the program: the ledger and the last accepted metadata, as JSON in the
 * runtime directory.
 */

import { lstatSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { errorCodeOf } from '../../lib/errors/system-error.ts';
import { isKnownFormat } from '../../lib/file/format-number.ts';
import { type FileLock, lockFile, readLockHolder } from '../../lib/file/lock-file.ts';
import { readRegularFile } from '../../lib/file/read-file.ts';
import { removeLeftovers, writeFileAtomically } from '../../lib/file/write-file.ts';
import type { EveryKey } from '../../lib/schema/every-key.ts';
import { RuntimeError } from '../errors.ts';
import type { Ledger } from '../model.ts';
import type { StoredMetadata } from './metadata-poller.ts';
import { ledgerSchema, metadataSchema, stateFormat } from './stored-metadata.ts';

const ledgerFile = 'ledger.json';
const metadataFile = 'metadata.json';
const lockFileName = 'lock';
const reloadFile = 'reload.json';

/** More than a host with 1000 ENIs needs. */
const maxBytes = 16 * 1024 * 1024;

const reloadSchema: z.ZodType<ReloadOutcome> = z.object({
  serial: z.number(),
  problem: z.string().nullable(),
  warning: z.string().nullable().default(null),
  knownSince: z.string().nullable().default(null),
  changes: z.number().default(0),
  failures: z.number().default(0),
} satisfies EveryKey<ReloadOutcome>);

/** The outcome of the last reload of the running program. */
export interface ReloadOutcome {
  /** Increases with each reload. */
  readonly serial: number;
  /** Why the configuration was refused; null: it is in force. */
  readonly problem: string | null;
  /** Why the metadata could not be read; null: it was. */
  readonly warning: string | null;
  /**
   * ISO 8601: when what was used instead was read; null: the metadata was read, or never before.
   */
  readonly knownSince: string | null;
  /** Made by it, and refused by the kernel or networkd. */
  readonly changes: number;
  readonly failures: number;
}

/** Null: no program runs here. */
export type LockHolder = number | 'hidden' | null;

export class RuntimeStore {
  readonly #directory: string;
  #lock: FileLock | null = null;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Throws errors of the file system: without a runtime directory nothing can be remembered. */
  async prepare(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o755 });
  }

  /**
   * Two running programs would undo each other's work. Throws a RuntimeError if another one runs.
   */
  async lock(): Promise<void> {
    const path = join(this.#directory, lockFileName);
    this.#lock = await lockFile(path).catch((error: unknown) => {
      const cause = error instanceof Error ? error.message : String(error);
      const message = `failed to lock ${path}: ${cause}. Expected a file of the user that enid runs as: remove it`;
      throw new RuntimeError('lock', path, message, { cause: error });
    });
    if (this.#lock !== null) return await removeLeftovers(this.#directory);
    const holder = await readLockHolder(path).catch(() => null);
    const who = holder === null ? path : `process ${holder}, ${path}`;
    throw new RuntimeError(
      'running',
      path,
      `another enid runs here (${who}): expected to be the only one. Stop it first (systemctl stop enid)`,
    );
  }

  async unlock(): Promise<void> {
    await this.#lock?.release();
    this.#lock = null;
  }

  /**
   * The process that holds the lock, as the kernel reports it; `hidden`: only root and the user
   * enid may ask.
   */
  async readHolder(): Promise<LockHolder> {
    try {
      return await readLockHolder(join(this.#directory, lockFileName));
    } catch (error) {
      return errorCodeOf(error) === 'EACCES' ? 'hidden' : null;
    }
  }

  /** Null: none yet. */
  readReload(): ReloadOutcome | null {
    return this.#read(reloadFile, reloadSchema);
  }

  /** Notifies waiting `enid reload` commands that a reload is done. */
  async writeReload(outcome: Omit<ReloadOutcome, 'serial'>): Promise<void> {
    await this.#write(reloadFile, { serial: (this.readReload()?.serial ?? 0) + 1, ...outcome });
  }

  /**
   * A ledger that is unreadable or of another boot counts as empty: the objects in it are
   * recognised by their marks, or stay.
   */
  readLedger(): Ledger {
    const ledger = this.#read(ledgerFile, ledgerSchema);
    return ledger?.bootId === readBootId() ? ledger.entries : {};
  }

  async writeLedger(ledger: Ledger): Promise<void> {
    await this.#write(ledgerFile, { bootId: readBootId(), entries: ledger });
  }

  /** Null if there is none that can be trusted. */
  readMetadata(): StoredMetadata | null {
    return this.#read(metadataFile, metadataSchema);
  }

  /** ISO 8601: when the accepted metadata last changed; null: there is none. */
  readMetadataTime(): string | null {
    const path = join(this.#directory, metadataFile);
    return lstatSync(path, { throwIfNoEntry: false })?.mtime.toISOString() ?? null;
  }

  async writeMetadata(metadata: StoredMetadata): Promise<void> {
    await this.#write(metadataFile, metadata);
  }

  #read<T>(name: string, schema: z.ZodType<T>): T | null {
    try {
      // Owned by this user, by root, or by the owner of the directory: the daemon's user, if a
      // command of root reads.
      const owners = [0, process.geteuid?.(), lstatSync(this.#directory).uid];
      const isTrusted = ({ uid }: { readonly uid: number }) => owners.includes(uid);
      const value: unknown = JSON.parse(readRegularFile(join(this.#directory, name), { maxBytes, isTrusted }));
      return isKnownFormat(value, stateFormat) ? schema.parse(value) : null;
    } catch {
      return null;
    }
  }

  async #write(name: string, value: unknown): Promise<void> {
    await writeFileAtomically(join(this.#directory, name), `${JSON.stringify(value, null, 1)}\n`);
  }
}

/** proc_sys_kernel(5): changes with every boot. */
function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
