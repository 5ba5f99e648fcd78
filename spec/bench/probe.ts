/** The probe inside the guest, as the benchmarks drive it. */

import * as z from 'zod';
import type { Namespace } from '../../fixtures/vpc/namespace.ts';
import { RemoteProcess } from '../../fixtures/vpc/rpc.ts';
import type { DriftRequest } from './drift-targets.ts';

const heardSchema = z.object({
  /** ms of CLOCK_MONOTONIC. */
  atMs: z.number(),
  kind: z.enum(['link', 'setting', 'address', 'route', 'rule']),
  change: z.enum(['new', 'delete']),
  /** The link's name, the address, the route's destination, the rule's source. */
  name: z.string(),
  /** Of a route or rule. */
  table: z.number().nullable(),
});

export type Heard = z.infer<typeof heardSchema>;

export class Probe {
  readonly #process: RemoteProcess;

  private constructor(process: RemoteProcess) {
    this.#process = process;
  }

  static async start(guest: Namespace): Promise<Probe> {
    return new Probe(await RemoteProcess.start(guest, new URL('./probe-main.ts', import.meta.url).href));
  }

  /** When an address came, ms of CLOCK_MONOTONIC; now where it is there already. */
  async awaitAddress(address: string): Promise<number> {
    return z.number().parse(await this.#process.call('awaitAddress', address));
  }

  /** Deletes enid's objects one after the other; ms until each was back. */
  async drift(request: DriftRequest): Promise<number[]> {
    return z.array(z.number()).parse(await this.#process.call('drift', request));
  }

  /** Keeps what is heard from now on. */
  async record(): Promise<void> {
    await this.#process.call('record');
  }

  async heard(): Promise<Heard[]> {
    return z.array(heardSchema).parse(await this.#process.call('heard'));
  }
}
