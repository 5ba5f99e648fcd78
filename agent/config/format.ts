/** A configuration as a file would say it, every key spelled out. Pure. */

import { stringify } from 'yaml';
import { formatDuration } from './duration.ts';
import type { Config, InterfaceEntry, InterfacePolicy, PolicySelector } from './types.ts';

/** YAML that `parseConfig` reads back to an equal configuration. */
export function formatConfig(config: Config): string {
  const { imds, metricsListen, metricsTextfile, interfaces, ...rest } = config;
  const file = {
    imds: {
      endpoints: imds.endpoints,
      interval: formatDuration(imds.intervalMs),
      timeout: formatDuration(imds.timeoutMs),
      wakeOnTraffic: imds.wakeOnTraffic,
    },
    drivers: rest.drivers,
    networkd: rest.networkd,
    runtimeDirectory: rest.runtimeDirectory,
    metrics: { listen: metricsListen, textfile: metricsTextfile },
    hostname: rest.hostname,
    replies: rest.replies,
    interfaces: interfaces.map(formatEntry),
  };
  return stringify(file, { aliasDuplicateObjects: false, lineWidth: 0 });
}

function formatEntry({ match, policy }: InterfaceEntry): Record<string, unknown> {
  return { match, ...formatPolicy(policy) };
}

/** A policy, or part of one, with the keys of a file. */
export function formatPolicy(policy: Partial<InterfacePolicy>): Record<string, unknown> {
  const { secondary, exclude, select, ...rest } = policy;
  const addresses = {
    ...(secondary === undefined ? {} : { secondary }),
    ...(exclude === undefined ? {} : { exclude }),
  };
  return {
    ...(Object.keys(addresses).length === 0 ? {} : { addresses }),
    ...rest,
    ...(select === undefined ? {} : { select: select.map(formatSelector) }),
  };
}

function formatSelector({ to, mark, users }: PolicySelector): Record<string, unknown> {
  return {
    to,
    mark: mark === null ? null : `${mark.value}/${mark.mask}`,
    users: users === null ? null : `${users.first}-${users.last}`,
  };
}
