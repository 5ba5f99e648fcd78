/**
 * Where a command's output goes: the only place that writes it, as names and texts from elsewhere
 * must not control the terminal.
 */

import { escapePicture, escapeText } from '../../../lib/text/printable.ts';
import type { CommandResult } from '../status.ts';

export function write(stream: NodeJS.WriteStream, text: string, toPrintable = escapeText): void {
  stream.write(toPrintable(text));
}

export function print(result: CommandResult, toPrintable = escapeText): void {
  write(process.stderr, result.stderr);
  write(process.stdout, result.stdout, toPrintable);
  process.exitCode = result.exitCode;
}

/** For commands whose output has colours. */
export function printPicture(result: CommandResult): void {
  print(result, isColoured() ? escapePicture : escapeText);
}

/** On a terminal that has colours, and not where https://no-color.org asks for none. */
export function isColoured(): boolean {
  return process.stdout.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
}
