/**
 * One table of the family `inet`: read as a whole, changed by batches. Needs CAP_NET_ADMIN, no other
 * privilege, and no program.
 */

import { RequestSocket } from '../rtnetlink/request-socket.ts';
import type { Family } from '../rtnetlink/types.ts';
import { encodeBatch, encodeHeader, typeOf } from './batch.ts';
import {
  NETLINK_NETFILTER,
  NFPROTO_INET,
  NFT_MSG_GETCHAIN,
  NFT_MSG_GETRULE,
  NFT_MSG_GETSET,
  NFT_MSG_GETSETELEM,
  NFT_MSG_GETTABLE,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_TABLE,
} from './constants.ts';
import { decodeChain, decodeElements, decodeMap, decodeRule, decodeTable, type ElementRecord } from './decode.ts';
import { encodeName } from './encode.ts';
import { nameInterval } from './interval.ts';
import type { Operation, TableRecord } from './types.ts';

const DEFAULT_TIMEOUT_MS = 5000;

/** Every method throws an RtnetlinkError when the kernel refuses. */
export class NftablesClient {
  readonly #socket: RequestSocket;
  readonly #table: string;

  constructor(table: string, timeoutMs: number = DEFAULT_TIMEOUT_MS) {
    this.#table = table;
    this.#socket = new RequestSocket(timeoutMs, NETLINK_NETFILTER);
  }

  close(): void {
    this.#socket.close();
  }

  /** All of them, or none. */
  async apply(operations: readonly Operation[]): Promise<void> {
    if (operations.length === 0) return;
    await this.#socket.batch(`change table inet ${this.#table}`, (sequence) =>
      encodeBatch(this.#table, operations, sequence),
    );
  }

  /** Null: there is no such table. */
  async read(): Promise<TableRecord | null> {
    const isOurs = (one: { readonly family: number; readonly table: string }) =>
      one.family === NFPROTO_INET && one.table === this.#table;
    const tables = (await this.#dump(NFT_MSG_GETTABLE, decodeTable)).filter(isOurs);
    if (tables.length === 0) return null;
    const chains = (await this.#dump(NFT_MSG_GETCHAIN, decodeChain)).filter(isOurs);
    const rules = (await this.#dump(NFT_MSG_GETRULE, decodeRule)).filter(isOurs);
    const maps = (await this.#dump(NFT_MSG_GETSET, decodeMap)).filter(isOurs);
    return {
      chains: chains.map(({ name, hook }) => ({
        name,
        hook,
        rules: rules.flatMap(({ chain, comment, handle }) => (chain === name ? [{ comment, handle }] : [])),
      })),
      maps: await Promise.all(
        maps.map(async ({ name, keyFamily }) => ({
          name,
          family: keyFamily,
          elements: keyFamily === null ? new Map() : await this.#readElements(name, keyFamily),
        })),
      ),
    };
  }

  async #readElements(map: string, family: Family): Promise<ReadonlyMap<string, string>> {
    const names = [encodeName(NFTA_SET_ELEM_LIST_TABLE, this.#table), encodeName(NFTA_SET_ELEM_LIST_SET, map)];
    const elements = (await this.#dump(NFT_MSG_GETSETELEM, decodeElements, names)).flat();
    return pairElements(family, elements);
  }

  async #dump<T>(
    message: number,
    decode: (buffer: Buffer, start: number, end: number) => T,
    attributes: readonly Buffer[] = [],
  ): Promise<T[]> {
    let records: T[] = [];
    const body = [encodeHeader(NFPROTO_INET, 0), ...attributes];
    await this.#socket.dump(`read table inet ${this.#table}`, typeOf(message), body, () => {
      const attempt: T[] = [];
      records = attempt;
      return (_type, buffer, start, end) => {
        attempt.push(decode(buffer, start, end));
      };
    });
    return records;
  }
}

/** The kernel lists them in no order that counts: each interval ends at the next end behind it. */
function pairElements(family: Family, elements: readonly ElementRecord[]): ReadonlyMap<string, string> {
  const ordered = [...elements].sort(
    (left, right) => Buffer.compare(left.key, right.key) || Number(right.isEnd) - Number(left.isEnd),
  );
  const paired = new Map<string, string>();
  for (const [index, { key, isEnd, chain }] of ordered.entries()) {
    if (isEnd) continue;
    const end = ordered.slice(index + 1).find((one) => one.isEnd);
    paired.set(nameInterval(family, key, end?.key ?? null), chain ?? '');
  }
  return paired;
}
