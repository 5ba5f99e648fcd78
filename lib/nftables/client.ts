/**
 * One table of the family `inet`: read as a whole, changed by batches. Needs CAP_NET_ADMIN, no
 * other privilege, and no program.
 */

import { RtnetlinkError } from '../rtnetlink/errors.ts';
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
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_TABLE,
  NFTA_RULE_TABLE,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_TABLE,
  NFTA_SET_NAME,
  NFTA_SET_TABLE,
  NFTA_TABLE_NAME,
} from './constants.ts';
import { decodeChain, decodeElements, decodeMap, decodeRule, decodeTable, pairElements } from './decode.ts';
import { encodeName } from './encode.ts';
import type { Hook, Operation, TableRecord } from './types.ts';

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

  /**
   * All of them, or none; of more than a datagram holds, the first ones may stand when a later one
   * is refused.
   */
  async apply(operations: readonly Operation[]): Promise<void> {
    for (const batch of splitOperations(operations))
      await this.#socket.batch(`change table inet ${this.#table}`, (sequence) =>
        encodeBatch(this.#table, batch, sequence),
      );
  }

  /**
   * Null: there is no such table. Only the chains and maps of these names are read, and chains that
   * have a rule: what other programs have in tables of theirs costs nothing.
   */
  async read(names: {
    readonly chains: readonly string[];
    readonly maps: readonly string[];
  }): Promise<TableRecord | null> {
    const table = [encodeName(NFTA_TABLE_NAME, this.#table)];
    if ((await this.#get(NFT_MSG_GETTABLE, decodeTable, table)) === null) return null;
    const rules = await this.#dump(NFT_MSG_GETRULE, decodeRule, [encodeName(NFTA_RULE_TABLE, this.#table)]);
    const chainNames = new Set([...names.chains, ...rules.map(({ chain }) => chain)]);
    const [chains, maps] = await Promise.all([
      Promise.all(
        [...chainNames].map((name) =>
          this.#get(NFT_MSG_GETCHAIN, decodeChain, [
            encodeName(NFTA_CHAIN_TABLE, this.#table),
            encodeName(NFTA_CHAIN_NAME, name),
          ]),
        ),
      ),
      Promise.all(
        names.maps.map((name) =>
          this.#get(NFT_MSG_GETSET, decodeMap, [
            encodeName(NFTA_SET_TABLE, this.#table),
            encodeName(NFTA_SET_NAME, name),
          ]),
        ),
      ),
    ]);
    return {
      chains: chains.flatMap((chain) => (chain === null ? [] : [{ ...nameHook(chain), rules: rulesOf(rules, chain) }])),
      maps: await Promise.all(
        maps.flatMap((map) =>
          map === null ? [] : [this.#readElements(map).then((elements) => ({ ...map, elements }))],
        ),
      ).then((all) => all.map(({ name, keyFamily, elements }) => ({ name, family: keyFamily, elements }))),
    };
  }

  async #readElements({
    name,
    keyFamily,
  }: {
    readonly name: string;
    readonly keyFamily: Family | null;
  }): Promise<ReadonlyMap<string, string>> {
    if (keyFamily === null) return new Map();
    const names = [encodeName(NFTA_SET_ELEM_LIST_TABLE, this.#table), encodeName(NFTA_SET_ELEM_LIST_SET, name)];
    const elements = (await this.#dump(NFT_MSG_GETSETELEM, decodeElements, names)).flat();
    return pairElements(keyFamily, elements);
  }

  /** One object by its name; null: there is none. */
  async #get<T>(message: number, decode: Decode<T>, attributes: readonly Buffer[]): Promise<T | null> {
    let record: T | null = null;
    const body = [encodeHeader(NFPROTO_INET, 0), ...attributes];
    try {
      await this.#socket.query(`read table inet ${this.#table}`, typeOf(message), body, (_type, ...place) => {
        record = decode(...place);
      });
    } catch (error) {
      if (error instanceof RtnetlinkError && error.errno === 'ENOENT') return null;
      throw error;
    }
    return record;
  }

  /** None where the object that the dump is of does not exist. */
  async #dump<T>(message: number, decode: Decode<T>, attributes: readonly Buffer[]): Promise<T[]> {
    let records: T[] = [];
    const body = [encodeHeader(NFPROTO_INET, 0), ...attributes];
    const begin = () => {
      const attempt: T[] = [];
      records = attempt;
      return (_type: number, buffer: Buffer, start: number, end: number) => {
        attempt.push(decode(buffer, start, end));
      };
    };
    try {
      await this.#socket.dump(`read table inet ${this.#table}`, typeOf(message), body, begin);
    } catch (error) {
      if (error instanceof RtnetlinkError && error.errno === 'ENOENT') return [];
      throw error;
    }
    return records;
  }
}

type Decode<T> = (buffer: Buffer, start: number, end: number) => T;

function nameHook({ name, hook }: { readonly name: string; readonly hook: Hook | null }) {
  return { name, hook };
}

function rulesOf(rules: readonly ReturnType<typeof decodeRule>[], { name }: { readonly name: string }) {
  return rules.flatMap(({ chain, comment, handle }) => (chain === name ? [{ comment, handle }] : []));
}

/**
 * An element takes about 100 bytes, and the kernel takes a datagram that fits into the send buffer
 * (net.core.wmem_default, 208 KiB).
 */
const mostElements = 1_200;

function splitOperations(operations: readonly Operation[]): Operation[][] {
  const batches: Operation[][] = [];
  let room = 0;
  const add = (operation: Operation, size: number) => {
    const last = batches.at(-1);
    if (last === undefined || size > room) {
      batches.push([operation]);
      room = mostElements - size;
    } else {
      last.push(operation);
      room -= size;
    }
  };
  for (const operation of operations) {
    if (!('elements' in operation)) {
      add(operation, 1);
      continue;
    }
    const all = [...operation.elements];
    for (let start = 0; start < all.length; start += mostElements) {
      const part = all.slice(start, start + mostElements);
      add({ ...operation, elements: new Map(part) }, part.length);
    }
  }
  return batches;
}
