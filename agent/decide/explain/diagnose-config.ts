/** What `enid doctor` says of the configuration files. Pure. */

import { type Finding, find } from './finding.ts';

export interface ConfigurationState {
  /** `file:line: key: …`, all that is wrong: a reload refuses the files. */
  readonly faults: readonly string[];
  /** What is allowed and seldom meant. */
  readonly cautions: readonly string[];
  readonly files: readonly string[];
  /**
   * Whether the daemon goes by what the files say; null: no daemon answers, or they are refused.
   */
  readonly isInForce: boolean | null;
}

export function checkConfiguration({ faults, cautions, files, isInForce }: ConfigurationState): Finding[] {
  const advice = 'correct it, then: enid config check && sudo enid reload';
  const refused = faults.map((fault) => find('configuration', 'error', `a reload refuses it: ${fault}`, advice));
  const odd = cautions.map((caution) => find('configuration', 'warning', caution, 'enid config show --resolved'));
  const unread =
    isInForce === false
      ? [
          find(
            'configuration',
            'warning',
            'the files were changed and are not in force yet',
            'enid plan, then: sudo enid reload',
          ),
        ]
      : [];
  const found = [...refused, ...odd, ...unread];
  const fine = files.length === 0 ? 'no file: the defaults apply' : `in force: ${files.join(', ')}`;
  return found.length > 0
    ? found
    : [find('configuration', 'ok', isInForce === true ? fine : `valid: ${files.join(', ') || 'the defaults'}`)];
}
