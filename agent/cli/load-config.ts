/**
 * The configuration that a command goes by. A file that is refused never blinds one that only
 * looks: it goes by what the running daemon goes by, and says so.
 */

import * as z from 'zod';
import { Bus } from '../../lib/dbus/bus.ts';
import { formatFault, listIgnored, summariseFaults } from '../config/fault.ts';
import { formatConfig } from '../config/format.ts';
import { type ConfigPlaces, type ConfigReading, readConfig, requireConfig } from '../config/load.ts';
import { parseConfig } from '../config/parse.ts';
import type { Config } from '../config/types.ts';
import { busName, managerInterface, managerPath } from '../report/bus-service.ts';

export interface LoadedConfig {
  readonly config: Config;
  /** What is wrong with the files, one line each, for stderr. */
  readonly notes: readonly string[];
}

export interface LookFor {
  /** False: the daemon is not asked, and a refused file is an error. */
  readonly asksDaemon: boolean;
  /**
   * Where the files say something else than what the daemon goes by, the latter is shown: it is
   * what holds now. Else the files are, as `enid plan` shows what a reload would change.
   */
  readonly prefersDaemon: boolean;
}

const patienceMs = 3_000;

/** Throws a ConfigError where a file is refused and no daemon answers. */
export async function loadForLook(places: ConfigPlaces, look: LookFor): Promise<LoadedConfig> {
  const reading = readConfig(places);
  const ignored = reading.config === null ? [] : listIgnored(reading.faults).map((line) => `warning: ${line}`);
  const taken = reading.faults.filter(({ isTolerated, isUnknownKey }) => isTolerated === true && isUnknownKey !== true);
  const others = reading.config === null ? [] : taken.map((fault) => `warning: ${formatFault(fault)}`);
  const notes = [...ignored, ...others];
  const isSound = reading.config !== null && ignored.length === 0;
  if (!look.asksDaemon || (isSound && !look.prefersDaemon)) return { config: requireConfig(reading), notes };
  const inForce = await readConfigInForce();
  if (inForce === null) return { config: requireConfig(reading), notes };
  if (reading.config === null) return { config: inForce, notes: [describeRefused(reading)] };
  const isSame = formatConfig(inForce) === formatConfig(reading.config);
  // The daemon itself says what it ignores.
  if (isSame) return { config: inForce, notes: others };
  return { config: inForce, notes: ignored.length > 0 ? [describeRefused(reading)] : [...notes, unread] };
}

const unread =
  'warning: the configuration files were changed and are not in force yet: `enid plan` shows what they would change, `enid reload` applies them';

function describeRefused({ faults }: ConfigReading): string {
  const refused = faults.filter(({ isTolerated, isUnknownKey }) => isTolerated !== true || isUnknownKey === true);
  return `warning: ${summariseFaults(refused)}: the daemon keeps the configuration before, which is shown here. All faults: enid config check`;
}

/** What the running daemon goes by; null: none answers, or it is another version. */
export async function readConfigInForce(): Promise<Config | null> {
  const bus = new Bus({ connectTimeoutMs: patienceMs });
  try {
    await bus.start();
    const target = { destination: busName, path: managerPath, interface: managerInterface };
    const call = { ...target, member: 'DescribeConfiguration', signature: '', body: [], timeoutMs: patienceMs };
    const [text] = await bus.call(call, z.tuple([z.string()]));
    return parseConfig(text, 'the configuration in force');
  } catch {
    return null;
  } finally {
    bus.close();
  }
}

/** For stderr. */
export function renderNotes(notes: readonly string[]): string {
  return notes.map((note) => `enid: ${note}\n`).join('');
}
