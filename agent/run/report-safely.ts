/**
 * Reports to a listener that may throw: that is a defect of the listener, and stops nothing else.
 */

import type { Listener } from './boundary.ts';

export function reportSafely(listener: Listener, report: (listener: Listener) => void): void {
  try {
    report(listener);
  } catch (error) {
    try {
      listener.failed(error);
    } catch {
      // There is no one left to report it to.
    }
  }
}
