/**
 * What holds where the operator says nothing. What holds for one ENI by default is
 * decide/desired/policy.ts's.
 */

import type { Config } from './types.ts';

export const defaultConfig: Config = {
  imds: {
    // Amazon EC2 User Guide, "Access instance metadata": the same for every instance.
    endpoints: ['http://169.254.169.254', 'http://[fd00:ec2::254]'],
    intervalMs: 60_000,
    timeoutMs: 5_000,
    wakeOnTraffic: false,
  },
  // ENA, the older enhanced networking, Xen.
  drivers: ['ena', 'ixgbevf', 'vif'],
  networkd: { unitDirectory: '/run/systemd/network', prefix: '70' },
  runtimeDirectory: '/run/enid',
  metricsListen: null,
  metricsTextfile: null,
  hostname: false,
  replies: 'auto',
  interfaces: [],
};
