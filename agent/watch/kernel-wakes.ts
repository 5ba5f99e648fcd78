/**
 * When a change of the kernel state wakes the reconciler: at once where an ENI may be concerned; where it is other programs'
 * links alone and their link-local addresses (a host with containers has thousands), a little later and once for many. Not
 * never: the name of a VRF that a foreign link has taken is an ENI's, too.
 */

import type { Config } from '../config/types.ts';
import type { KernelMirror } from '../sense/kernel.ts';
import type { Candidates } from './eni-links.ts';

const foreignDelayMs = 1_000;

export interface KernelWakesOptions {
  readonly mirror: Pick<KernelMirror, 'onChange'>;
  readonly candidates: Pick<Candidates, 'concerns' | 'update'>;
  readonly config: () => Config;
  readonly wake: () => void;
}

/** Until the mirror is closed. Keeps the candidates up to date, too. */
export function wakeOnKernelChanges({ mirror, candidates, config, wake }: KernelWakesOptions): void {
  let timer: NodeJS.Timeout | null = null;
  const isConcerned = (linkIndex: number | null) => linkIndex === null || candidates.concerns(linkIndex);
  mirror.onChange((kinds, links) => {
    // Of those that go this is known before only, and of those that come only afterwards.
    const wasConcerned = [...links].some(isConcerned);
    if (kinds.has('link')) candidates.update(config());
    if (wasConcerned || [...links].some(isConcerned)) return wake();
    if (timer !== null) return;
    timer = setTimeout(() => {
      timer = null;
      wake();
    }, foreignDelayMs).unref();
  });
}
