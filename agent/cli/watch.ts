/**
 * `enid status --watch`: shows the state again whenever the kernel or the bus reports a change,
 * until `q`, a signal, or a reader that is gone.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { Bus } from '../../lib/dbus/bus.ts';
import { propertiesInterface } from '../../lib/dbus/properties.ts';
import { paintText } from '../../lib/text/paint.ts';
import { escapeLine } from '../../lib/text/printable.ts';
import { busName } from '../report/bus-service.ts';
import type { StatusRow } from '../report/status-row.ts';
import { renderWatch, type Screen } from '../report/watch-picture.ts';
import { KernelMirror } from '../sense/kernel.ts';
import { renderJson } from './json.ts';
import { type LoadedConfig, renderNotes } from './load-config.ts';
import { type CommandResult, readStatus, renderTable, renderWarnings, type Status } from './status.ts';
import { WakeUp } from './wake-up.ts';

export interface WatchOptions {
  /** Asked for each time: the files may change meanwhile. */
  readonly load: () => Promise<LoadedConfig>;
  readonly json: boolean;
  readonly asksDaemon: boolean;
  readonly isColoured: boolean;
  /** The terminal, which may change its size; null: not a terminal. */
  readonly screen: () => Screen | null;
  /** Where each picture goes. */
  readonly write: (text: string) => void;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Calls back when the screen has changed its size. */
  readonly onResize: (listener: () => void) => void;
}

/** A burst of events is one picture, and a flood costs at most one in this time. */
const settleMs = 250;
/**
 * The daemon reports everything else (metadata, networkd's own state). Where none answers, only
 * looking again does.
 */
const longestMs = { withDaemon: 60_000, alone: 5_000 } as const;
/** Home, then erase to the end: no flicker, nothing left of the picture before. */
const clear = '\x1b[H\x1b[J';
const clockMs = 1_000;
/** How long what has changed stands out. */
const highlightMs = 10_000;

/**
 * On a terminal each picture replaces the one before; elsewhere one follows the other where
 * something has changed. With `json`: one object a line.
 */
export async function watchStatus(options: WatchOptions): Promise<CommandResult> {
  const { load, json, asksDaemon, signal } = options;
  const mirror = await KernelMirror.open();
  const wakeUp = new WakeUp();
  const wake = () => wakeUp.wake();
  mirror.onChange(wake);
  const bus = new Bus();
  bus.watchSignal({ sender: busName, interface: propertiesInterface, member: 'PropertiesChanged' }, wake);
  bus.watchName(busName, wake);
  // Without a bus the kernel's events and looking again do.
  if (asksDaemon) void bus.start().catch(() => undefined);
  signal.addEventListener('abort', wake);
  const pictures = new Pictures(options);
  options.onResize(() => pictures.redraw());
  const clock = setInterval(() => pictures.redraw(), clockMs);
  try {
    while (!signal.aborted) {
      wakeUp.begin();
      const { config, notes } = await load();
      const status = await readStatus(config, asksDaemon);
      pictures.show(status, notes);
      if (signal.aborted) break;
      await wakeUp.wait(status.daemon ? longestMs.withDaemon : longestMs.alone);
      await sleep(settleMs, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    clearInterval(clock);
    signal.removeEventListener('abort', wake);
    mirror.close();
    bus.close();
  }
  return { stdout: options.screen() === null || json ? '' : '\n', stderr: '', exitCode: 0 };
}

/** What is shown, and what of it has changed lately. */
class Pictures {
  readonly #options: WatchOptions;
  #status: Status | null = null;
  #notes: readonly string[] = [];
  /** What was written last, where there is no terminal. */
  #last = '';
  #isFirstLook = true;
  readonly #rows = new Map<string, { readonly text: string; readonly changedMs: number }>();

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  show(status: Status, notes: readonly string[]): void {
    this.#status = status;
    this.#notes = notes;
    const nowMs = performance.now();
    for (const row of status.answer.enis) {
      const text = JSON.stringify(row);
      const before = this.#rows.get(row.mac);
      // What is there at the first look has not changed.
      if (before?.text !== text) this.#rows.set(row.mac, { text, changedMs: this.#isFirstLook ? -highlightMs : nowMs });
    }
    this.#isFirstLook = false;
    const screen = this.#options.screen();
    if (screen === null || this.#options.json) this.#print(status);
    else this.#draw(status, screen);
  }

  /** The same once more: the clock, the ages, the size of the screen. */
  redraw(): void {
    const screen = this.#options.screen();
    if (this.#status !== null && screen !== null && !this.#options.json) this.#draw(this.#status, screen);
  }

  #print({ answer, daemon, note }: Status): void {
    const { json, write } = this.#options;
    const text = json
      ? renderJson({ ...answer, daemon }, { isOneLine: true })
      : renderNotes(this.#notes) + note + renderWarnings(answer) + renderTable(answer.enis, { hasFullTimes: true });
    if (text !== this.#last) write(text);
    this.#last = text;
  }

  #draw({ answer, daemon, note }: Status, screen: Screen): void {
    const { isColoured, write } = this.#options;
    const nowMs = performance.now();
    const isNew = ({ mac }: StatusRow) => nowMs - (this.#rows.get(mac)?.changedMs ?? 0) < highlightMs;
    const highlight = (row: StatusRow, line: string) => {
      if (!isNew(row)) return line;
      return isColoured ? paintText('bold', line) : line;
    };
    const table = renderTable(answer.enis, { isColoured, width: screen.columns, highlight });
    // What stands in a file must not look like one of this picture's own sequences.
    const notes = (renderNotes(this.#notes) + note + renderWarnings(answer))
      .split('\n')
      .filter((line) => line !== '')
      .map(escapeLine);
    const recentChanges = daemon ? answer.recentChanges : null;
    const picture = { notes, table: table.trimEnd().split('\n'), recentChanges, now: new Date() };
    write(clear + renderWatch(picture, screen));
  }
}
