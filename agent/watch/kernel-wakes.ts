/**
 * When a change of the kernel state wakes the reconciler: at once if it may concern an ENI; a
 * little later, once for many, if it concerns only other programs' links and their link-local
 * addresses (a host with containers has thousands). These are not ignored: a foreign link may have
 * the name of an ENI's VRF.
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

/** Runs until the mirror is closed. Keeps the candidates up to date, too. */
export function wakeOnKernelChanges({ mirror, candidates, config, wake }: KernelWakesOptions): void {
  let timer: NodeJS.Timeout | null = null;
  const isConcerned = (linkIndex: number | null) => linkIndex === null || candidates.concerns(linkIndex);
  mirror.onChange((kinds, links) => {
    // Before and after the update: a removed link is only known before, a new one only afterwards.
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
