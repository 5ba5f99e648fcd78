/** A table of nf_tables as plain data, as far as this library makes and reads one. */

import type { Family } from '../rtnetlink/types.ts';

/** Where a base chain hooks in (NF_INET_*), and when. */
export interface Hook {
  readonly number: number;
  readonly priority: number;
}

/** A rule as the kernel has it: known by its comment, which nft(8) shows. */
export interface RuleRecord {
  /** Null: it has none. */
  readonly comment: string | null;
  readonly handle: number;
}

export interface ChainRecord {
  readonly name: string;
  /** Null: a chain that others lead to. */
  readonly hook: Hook | null;
  readonly rules: readonly RuleRecord[];
}

/** An interval map from addresses to chains (`type ipv4_addr : verdict; flags interval`). */
export interface MapRecord {
  readonly name: string;
  /** Null: it is something else than such a map. */
  readonly family: Family | null;
  /** CIDR text → chain; a range that is no prefix as `first-end`. */
  readonly elements: ReadonlyMap<string, string>;
}

export interface TableRecord {
  readonly chains: readonly ChainRecord[];
  readonly maps: readonly MapRecord[];
}

/** One step of a batch, which the kernel takes as a whole or not at all. */
export type Operation =
  /** `isOwned`: the table ends with the socket that made it, and nobody else can change it. */
  | { readonly kind: 'add-table'; readonly isOwned?: boolean }
  | { readonly kind: 'delete-table' }
  | { readonly kind: 'add-chain'; readonly chain: string; readonly hook: Hook | null }
  | { readonly kind: 'delete-chain'; readonly chain: string }
  /** To the end of the chain; `expressions` as encode.ts makes them. */
  | {
      readonly kind: 'add-rule';
      readonly chain: string;
      readonly comment: string;
      readonly expressions: readonly Buffer[];
    }
  | { readonly kind: 'delete-rule'; readonly chain: string; readonly handle: number }
  | { readonly kind: 'add-map'; readonly map: string; readonly family: Family }
  | { readonly kind: 'delete-map'; readonly map: string }
  | {
      readonly kind: 'add-elements' | 'delete-elements';
      readonly map: string;
      /** CIDR text → chain. */
      readonly elements: ReadonlyMap<string, string>;
    };
