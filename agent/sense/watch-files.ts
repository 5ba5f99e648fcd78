/**
 * Reports every change in the unit directory and in the drop-in folders of this program's files.
 * inotify sees one level only, so each folder has its own watch; a directory that vanished is
 * watched again when it is back.
 */

import { type FSWatcher, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';

/** Another program rarely removes the whole directory: this interval is short enough. */
const retryMs = 1_000;

export interface UnitFileWatch {
  close(): void;
}

/**
 * `onProblem` is called for the first of several failures in a row; the watch is retried in the
 * background. Never throws.
 */
export function watchUnitFiles(
  directory: string,
  prefix: string,
  onChange: () => void,
  onProblem: (message: string) => void,
): UnitFileWatch {
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | null = null;
  let isFailing = false;

  const drop = (path: string): void => {
    watchers.get(path)?.close();
    watchers.delete(path);
  };
  const begin = (path: string): void => {
    if (watchers.has(path)) return;
    const watcher = watch(path, { persistent: false }, (event, name) => {
      // The removal of the directory itself is an event with its own name (IN_DELETE_SELF).
      if (event === 'rename' && path.endsWith(`/${name}`)) drop(path);
      refresh();
      onChange();
    });
    watcher.on('error', () => drop(path));
    watchers.set(path, watcher);
  };
  const refresh = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    try {
      begin(directory);
      const folders = listFolders(directory, prefix);
      for (const path of watchers.keys()) if (path !== directory && !folders.includes(path)) drop(path);
      for (const path of folders) begin(path);
      if (isFailing) onChange();
      isFailing = false;
    } catch (error) {
      if (!isFailing) onProblem(`failed to watch ${directory}: ${error}`);
      isFailing = true;
      timer = setTimeout(refresh, retryMs);
      timer.unref();
    }
  };
  refresh();
  return {
    close: () => {
      if (timer !== null) clearTimeout(timer);
      for (const path of [...watchers.keys()]) drop(path);
    },
  };
}

function listFolders(directory: string, prefix: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.startsWith(`${prefix}-`) && entry.name.endsWith('.network.d'))
    .map((entry) => join(directory, entry.name));
}
