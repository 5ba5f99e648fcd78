/** Colours and weights on a terminal. */

import { styleText } from 'node:util';

/**
 * `text` in this colour or weight, whatever the environment says: the caller has decided that it
 * wants colours. Without the option Node.js decides once more, and takes none where `CI` is set.
 */
export function paintText(format: 'bold' | 'green' | 'yellow' | 'red' | 'blue' | 'gray', text: string): string {
  return styleText(format, text, { validateStream: false });
}
