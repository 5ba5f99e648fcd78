/** The program's own networkd files: read once, and again when any program changes them. */

import { removeUnitFile, writeUnitFile } from '../act/unit-files.ts';
import { sortUnitFiles, type UnitDirectory } from '../decide/desired/unit-directory.ts';
import { readUnitFiles } from '../sense/own-files.ts';
import { type UnitFileWatch, watchUnitFiles } from '../sense/watch-files.ts';

/** Their directory, and the prefix of their names. */
export interface FilePlace {
  readonly unitDirectory: string;
  readonly prefix: string;
}

/** The program's own files and others with such a name. Throws errors of the file system. */
export function readDirectory({ unitDirectory, prefix }: FilePlace): UnitDirectory {
  return sortUnitFiles(readUnitFiles(unitDirectory, prefix));
}

export class OwnFiles {
  #place: FilePlace;
  readonly #onChanged: () => void;
  readonly #onProblem: (message: string) => void;
  #files: UnitDirectory | null = null;
  #watch: UnitFileWatch | null = null;

  /** `onChanged`: another program removed or changed one. */
  constructor(place: FilePlace, onChanged: () => void, onProblem: (message: string) => void) {
    this.#place = place;
    this.#onChanged = onChanged;
    this.#onProblem = onProblem;
  }

  /** The same lists until something changes. Throws errors of the file system. */
  list(): UnitDirectory {
    this.#files ??= readDirectory(this.#place);
    return this.#files;
  }

  /** Switches to another directory and drops the cached listing. */
  watch(place: FilePlace): void {
    this.#place = place;
    this.#files = null;
    this.#watch?.close();
    const changed = () => {
      this.#files = null;
      this.#onChanged();
    };
    this.#watch = watchUnitFiles(place.unitDirectory, place.prefix, changed, this.#onProblem);
  }

  /** False: the file already has this text. */
  async write(name: string, text: string): Promise<boolean> {
    return await this.#change(() => writeUnitFile(this.#place.unitDirectory, name, text));
  }

  /** False: the file does not exist. */
  async remove(name: string): Promise<boolean> {
    return await this.#change(() => removeUnitFile(this.#place.unitDirectory, name));
  }

  close(): void {
    this.#watch?.close();
  }

  async #change(change: () => Promise<boolean>): Promise<boolean> {
    try {
      return await change();
    } finally {
      this.#files = null;
    }
  }
}
