/**
 * Hears of packets that arrive on an ENI for an address that is not on the host, at most of one a
 * second. The table for it belongs to this process's socket: it ends with the process, and nobody
 * else can change it (nft(8), `flags owner`).
 */

import { NftablesClient } from '../../lib/nftables/client.ts';
import {
  loadDestinationType,
  loadInterfaceGroup,
  logPacket,
  registerBytes,
  requireEqual,
  requireFirstOfSecond,
} from '../../lib/nftables/encode.ts';
import { headerBytes, openPacketLog } from '../../lib/nftables/packet-log.ts';
import type { Operation } from '../../lib/nftables/types.ts';
import type { RawSocket } from '../../lib/rtnetlink/raw-socket.ts';
import { eniGroup } from '../decide/base/numbers.ts';

export const arrivalTable = 'enid_arrivals';
/** NFLOG's groups are numbers of the host; ulogd has 0 by default. */
const logGroup = eniGroup;
const chain = 'arrivals';
/** Before connections are tracked (NF_IP_PRI_RAW): what is not for this host is dropped anyway. */
const hook = { number: 0, priority: -300 };
/** RTN_UNICAST (linux/rtnetlink.h): neither local nor broadcast nor multicast. */
const UNICAST = 1;
const retryMs = 10_000;

const operations: readonly Operation[] = [
  { kind: 'add-table', isOwned: true },
  { kind: 'add-chain', chain, hook },
  {
    kind: 'add-rule',
    chain,
    comment: 'not on the host',
    expressions: [
      ...[loadInterfaceGroup(), requireEqual(registerBytes(eniGroup))],
      ...[loadDestinationType(), requireEqual(registerBytes(UNICAST))],
      ...[requireFirstOfSecond(), logPacket(logGroup, headerBytes)],
    ],
  },
];

export interface ArrivalOptions {
  readonly onArrival: (destination: string) => void;
  readonly onTrouble: (message: string) => void;
}

export class Arrivals {
  readonly #options: ArrivalOptions;
  #isWanted = false;
  #client: NftablesClient | null = null;
  #log: RawSocket | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ArrivalOptions) {
    this.#options = options;
  }

  /** Begins to listen, or ends it. */
  listen(isWanted: boolean): void {
    if (isWanted === this.#isWanted) return;
    this.#isWanted = isWanted;
    if (isWanted) void this.#open();
    else this.#end();
  }

  close(): void {
    this.listen(false);
  }

  async #open(): Promise<void> {
    const client = new NftablesClient(arrivalTable);
    this.#client = client;
    const isCurrent = () => this.#client === client;
    try {
      const onEnd = (cause: unknown) => isCurrent() && this.#fail(cause);
      const log = await openPacketLog(logGroup, { onPacket: this.#options.onArrival, onEnd });
      if (!isCurrent()) return log.close();
      this.#log = log;
      await client.apply(operations);
    } catch (error) {
      if (isCurrent()) this.#fail(error);
    }
  }

  #fail(cause: unknown): void {
    this.#options.onTrouble(`imds.wakeOnTraffic does not work, will retry: ${cause}`);
    this.#end();
    this.#timer = setTimeout(() => void this.#open(), retryMs).unref();
  }

  #end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#log?.close();
    this.#log = null;
    this.#client?.close();
    this.#client = null;
  }
}
