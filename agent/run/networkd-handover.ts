/**
 * What networkd was given, and what it has answered. Invariants: no reload for an ENI with an
 * unwritten file; one reload at a time; a file counts as offered only if it is still on disk when
 * networkd has answered.
 */

import type { Outcome } from '../act/apply.ts';
import { isSameList } from '../decide/base/memo.ts';
import { nameNetworkFile } from '../decide/desired/network-file.ts';
import type { OwnFile } from '../decide/desired/unit-directory.ts';
import type { Change, KernelState, NetworkdState } from '../model.ts';
import { Settling } from './settling.ts';

type Reload = Extract<Change, { kind: 'reload' }>;

/** What is known at the time of a handover. */
export interface HandoverView {
  readonly networkd: NetworkdState;
  readonly files: readonly OwnFile[];
  /** Prefix of the file names. */
  readonly prefix: string;
}

export class NetworkdHandover {
  readonly settling = new Settling();
  readonly #offered = new Set<string>();
  /**
   * MACs of ENIs whose files were written while networkd was away: it may have read them just
   * before.
   */
  readonly #unread = new Set<string>();
  /** MACs of links whose last reload networkd refused. */
  readonly #refused = new Set<string>();
  /** MACs of links whose reload is under way. */
  #asked: readonly string[] = [];
  #unreloaded: ReadonlySet<string> = new Set();
  /** 257 answers when every link is configured; a networkd that is stuck never answers. */
  #answer: Promise<void> | null = null;

  /**
   * Files that a reload has offered to networkd in its present run, and ENIs whose files it may not
   * have read.
   */
  get told(): { readonly offered: ReadonlySet<string>; readonly unread: ReadonlySet<string> } {
    return { offered: this.#offered, unread: this.#unread };
  }

  /** Resolves when networkd has answered; null: nothing is outstanding. */
  get answer(): Promise<void> | null {
    return this.#answer;
  }

  /** networkd came back and has read every file again. */
  forgetOffers(): void {
    this.#offered.clear();
    this.#refused.clear();
  }

  /** MACs of links that networkd is still configuring. */
  listSettling(view: Pick<HandoverView, 'networkd' | 'prefix'> & Pick<KernelState, 'links'>, nowMs: number) {
    return this.settling.list({ ...view, isReloading: this.#answer !== null }, nowMs);
  }

  /**
   * MACs of links whose reload was refused, or was requested so long ago that networkd is stuck:
   * enid makes the objects itself. `settling`: from `listSettling`. Returns the same object while
   * the list is unchanged.
   */
  listUnreloaded(settling: ReadonlySet<string>): ReadonlySet<string> {
    const macs = [...this.#refused, ...this.#asked.filter((mac) => !settling.has(mac))];
    if (!isSameList(macs, [...this.#unreloaded])) this.#unreloaded = new Set(macs);
    return this.#unreloaded;
  }

  /** A refusal is remembered while the reload is still due. */
  follow(changes: readonly Change[]): void {
    for (const mac of this.#refused) {
      if (!changes.some((change) => change.kind === 'reload' && change.mac === mac)) this.#refused.delete(mac);
    }
  }

  /** Reloads that may be sent: every file of their ENI that had to be written or removed was. */
  listReady(due: readonly Change[], changes: readonly Change[], outcomes: readonly Outcome[]): Reload[] {
    if (this.#answer !== null) return [];
    const standing = new Set(outcomes.filter(({ error }) => error === null).map(({ change }) => change));
    const late = changes.filter((change) => isOfFile(change) && !standing.has(change));
    const waiting = new Set(late.map(({ mac }) => mac));
    return due.filter((change): change is Reload => change.kind === 'reload' && !waiting.has(change.mac));
  }

  /**
   * `reload` resolves when networkd has answered; this method does not wait for it. `answered` is
   * called afterwards.
   */
  begin(reloads: readonly Reload[], nowMs: number, reload: () => Promise<void>, answered: () => void): void {
    for (const { mac, linkName } of reloads) this.settling.begin(mac, linkName, nowMs);
    this.#asked = reloads.map(({ mac }) => mac);
    this.#answer = reload().finally(() => {
      this.#answer = null;
      this.#asked = [];
      answered();
    });
  }

  /** Call it after each outcome of a file change or a reload. */
  note({ change, error }: Outcome, { networkd, files, prefix }: HandoverView, nowMs: number): void {
    if (change.kind === 'write-file' && error === null && networkd.kind !== 'present') this.#unread.add(change.mac);
    if (change.kind !== 'reload') return;
    this.settling.end(change.mac);
    if (error !== null) {
      this.#refused.add(change.mac);
      return;
    }
    this.#refused.delete(change.mac);
    this.settling.begin(change.mac, change.linkName, nowMs);
    this.#unread.clear();
    const name = nameNetworkFile(prefix, change.linkName);
    if (files.some((file) => file.name === name)) this.#offered.add(name);
  }
}

export function isOfFile({ kind }: Change): boolean {
  return kind === 'write-file' || kind === 'remove-file';
}
