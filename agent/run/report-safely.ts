/**
 * Reports to a listener that may throw: that is a defect of its own, and nothing else is kept back
 * by it.
 */

import type { Listener } from './boundary.ts';

export function reportSafely(listener: Listener, report: (listener: Listener) => void): void {
  try {
    report(listener);
  } catch (error) {
    try {
      listener.failed(error);
    } catch {
      // Nobody is left to be told.
    }
  }
}
