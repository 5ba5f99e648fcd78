/** What survives a restart of the program: the ledger and the last accepted metadata, as JSON in the runtime directory. */

import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { type FileLock, lockFile } from '../lib/file/lock-file.ts';
import { writeFileAtomically } from '../lib/file/write-file.ts';
import { RuntimeError } from './errors.ts';
import type { Ledger } from './model.ts';
import type { StoredMetadata } from './poll.ts';

const ledgerFile = 'ledger.json';
const metadataFile = 'metadata.json';
const lockFileName = 'lock';
const reloadFile = 'reload.json';

/** Link indexes in the entries mean something in one boot only, and the directory may outlive it. */
const ledgerSchema = z.strictObject({ bootId: z.string(), entries: z.record(z.string(), z.string()) });
const eniSchema = z.strictObject({
  mac: z.string(),
  eniId: z.string().nullable(),
  deviceNumber: z.number(),
  networkCard: z.number(),
  subnetId: z.string().nullable(),
  vpcId: z.string().nullable(),
  ipv4Addresses: z.array(z.string()),
  ipv6Addresses: z.array(z.string()),
  ipv4Prefixes: z.array(z.string()),
  ipv6Prefixes: z.array(z.string()),
  subnetIpv4: z.string().nullable(),
  subnetIpv6: z.array(z.string()),
  publicIpv4: z.record(z.string(), z.array(z.string())),
});
const readingSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('ready'), eni: eniSchema }),
  z.strictObject({ kind: z.literal('pending'), mac: z.string(), reason: z.string() }),
  z.strictObject({ kind: z.literal('invalid'), mac: z.string(), reason: z.string() }),
]);
const metadataSchema = z.strictObject({
  snapshot: z.strictObject({
    primaryMac: z.string(),
    enis: z.array(readingSchema),
    instanceId: z.string().nullable(),
    tags: z.record(z.string(), z.string().nullable()).nullable().exactOptional(),
  }),
  departed: z.array(eniSchema),
});

const reloadSchema = z.strictObject({ serial: z.number(), problem: z.string().nullable() });

/** How the last reload of the running program ended. */
export interface ReloadOutcome {
  /** Greater with each reload. */
  readonly serial: number;
  /** Why the configuration was refused; null: it is in force. */
  readonly problem: string | null;
}

export class RuntimeStore {
  readonly #directory: string;
  #lock: FileLock | null = null;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Throws what the file system throws: without a runtime directory nothing can be remembered. */
  async prepare(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o755 });
  }

  /** Two programs would undo each other's work. Throws a RuntimeError where another one runs. */
  async lock(): Promise<void> {
    const path = join(this.#directory, lockFileName);
    this.#lock = await lockFile(path);
    if (this.#lock !== null) return;
    const pid = readFileSync(path, 'utf8').trim();
    throw new RuntimeError(
      'running',
      path,
      `another enid runs here (process ${pid}, ${path}): expected to be the only one. Stop it first (systemctl stop enid)`,
    );
  }

  async unlock(): Promise<void> {
    await this.#lock?.release();
    this.#lock = null;
  }

  /** The process that runs here; null where none does. */
  readHolder(): number | null {
    try {
      const processId = Number(readFileSync(join(this.#directory, lockFileName), 'utf8'));
      // The file outlives its process, whose number another program may have by now.
      return readFileSync(`/proc/${processId}/cmdline`, 'utf8').includes('enid') ? processId : null;
    } catch {
      return null;
    }
  }

  /** Null: none yet. */
  readReload(): ReloadOutcome | null {
    return this.#read(reloadFile, reloadSchema);
  }

  /** Tells who waits for it (`enid reload`) that a reload is done. */
  async writeReload(problem: string | null): Promise<void> {
    await this.#write(reloadFile, { serial: (this.readReload()?.serial ?? 0) + 1, problem });
  }

  /** An unreadable ledger, or one of another boot, is no ledger: what it knew keeps its marks, or stays. */
  readLedger(): Ledger {
    const ledger = this.#read(ledgerFile, ledgerSchema);
    return ledger?.bootId === readBootId() ? ledger.entries : {};
  }

  async writeLedger(ledger: Ledger): Promise<void> {
    await this.#write(ledgerFile, { bootId: readBootId(), entries: ledger });
  }

  /** Null where there is none that can be trusted. */
  readMetadata(): StoredMetadata | null {
    return this.#read(metadataFile, metadataSchema);
  }

  async writeMetadata(metadata: StoredMetadata): Promise<void> {
    await this.#write(metadataFile, metadata);
  }

  #read<T>(name: string, schema: z.ZodType<T>): T | null {
    try {
      return schema.parse(JSON.parse(readFileSync(join(this.#directory, name), 'utf8')));
    } catch {
      return null;
    }
  }

  async #write(name: string, value: unknown): Promise<void> {
    await writeFileAtomically(join(this.#directory, name), `${JSON.stringify(value, null, 1)}\n`);
  }
}

/** proc_sys_kernel(5): another text after every boot. */
function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
