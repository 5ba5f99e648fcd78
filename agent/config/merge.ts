/** What the files say together, over the defaults. Pure. */

import { defaultConfig } from './defaults.ts';
import type { ConfigFile, InterfaceSection } from './schema.ts';
import type { Config, InterfaceEntry, InterfaceMatch, InterfacePolicy } from './types.ts';

/**
 * Files in the order in which they are read. Mappings are merged key by key, and the last file that
 * has a key decides; a list is taken whole. Only the entries of `interfaces` are joined, those of
 * later files first: the first match decides, so a drop-in overrides what was there before it.
 */
export function mergeConfig(files: readonly ConfigFile[]): Config {
  let config = defaultConfig;
  for (const { imds = {}, networkd = {}, metrics = {}, interfaces = [], ...file } of files) {
    config = {
      imds: {
        endpoints: imds.endpoints ?? config.imds.endpoints,
        intervalMs: imds.interval ?? config.imds.intervalMs,
        timeoutMs: imds.timeout ?? config.imds.timeoutMs,
        wakeOnTraffic: imds.wakeOnTraffic ?? config.imds.wakeOnTraffic,
      },
      drivers: file.drivers ?? config.drivers,
      networkd: {
        unitDirectory: networkd.unitDirectory ?? config.networkd.unitDirectory,
        prefix: networkd.prefix ?? config.networkd.prefix,
      },
      runtimeDirectory: file.runtimeDirectory ?? config.runtimeDirectory,
      // Null says something: off.
      metricsListen: metrics.listen === undefined ? config.metricsListen : metrics.listen,
      metricsTextfile: metrics.textfile === undefined ? config.metricsTextfile : metrics.textfile,
      hostname: file.hostname ?? config.hostname,
      replies: file.replies ?? config.replies,
      interfaces: [...interfaces.map(toEntry), ...config.interfaces],
    };
  }
  return config;
}

function toEntry({ match = {}, addresses = {}, ...rest }: InterfaceSection): InterfaceEntry {
  return {
    match: withoutUndefined<InterfaceMatch>(match),
    policy: withoutUndefined<InterfacePolicy>({ ...rest, ...addresses }),
  };
}

/** The schema leaves no undefined behind; the types cannot tell. */
function withoutUndefined<T extends object>(value: { readonly [Key in keyof T]?: T[Key] | undefined }): Partial<T> {
  const result: Partial<T> = {};
  for (const key in value) {
    const item = value[key];
    if (item !== undefined) result[key] = item;
  }
  return result;
}
