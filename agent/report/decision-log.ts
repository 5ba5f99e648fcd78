/** `--debug`: logs each decision with its reason when it is made, and again when it changes. */

import { countOf } from '../../lib/text/count.ts';
import type { Change } from '../model.ts';
import { describeChange } from './change-text.ts';
import type { Journal } from './journal.ts';

/** As `agent/decide/explain/reasons.ts` returns it: a report imports no decision. */
export interface ReasonEntry {
  readonly mac: string | null;
  readonly topic: string;
  readonly text: string;
}

export interface PassSummary {
  readonly applied: number;
  readonly durationMs: number;
  /** Changes that are due and were not made. */
  readonly remaining: readonly Change[];
}

export class DecisionLog {
  readonly #journalOf: (mac: string | null) => Pick<Journal, 'debug'>;
  /** Topic of an ENI → what was logged last. */
  #logged: ReadonlyMap<string, string> = new Map();

  /**
   * `journalOf`: the journal with the fields that select the entries about an ENI; null: about
   * no ENI.
   */
  constructor(journalOf: (mac: string | null) => Pick<Journal, 'debug'>) {
    this.#journalOf = journalOf;
  }

  /** To be called after each pass, with all decisions in force. */
  passed(decisions: readonly ReasonEntry[], { applied, durationMs, remaining }: PassSummary): void {
    const held = remaining.map((change) => ({
      mac: change.mac,
      topic: `held ${describeChange(change)}`,
      text: `${change.linkName}: not done yet: ${describeChange(change)} (${change.reason})`,
    }));
    const all = new Map<string, string>();
    for (const { mac, topic, text } of [...decisions, ...held]) {
      const key = `${mac ?? ''} ${topic}`;
      all.set(key, text);
      if (this.#logged.get(key) === text) continue;
      this.#journalOf(mac).debug(text, { DECISION: topic.replace(/ .*/, '') });
    }
    this.#logged = all;
    if (applied > 0)
      this.#journalOf(null).debug(
        `pass: ${countOf(applied, 'change')} made or tried, ${remaining.length} left, ${durationMs.toFixed(1)} ms`,
      );
  }
}
