/** What `enid takeover --dry-run` prints. Pure. */

import type { TakeoverPlan, TakeoverStep } from '../takeover-model.ts';

export function renderTakeoverPlan({ managers, steps, obstacles, notes }: TakeoverPlan): string {
  if (steps.length === 0 && obstacles.length === 0) return 'systemd-networkd and enid already manage the ENIs.\n';
  const lines = [`The ENIs are configured by: ${managers.join(', ') || 'no known program'}`];
  if (obstacles.length > 0) lines.push('', 'Obstacles:', ...obstacles.map((obstacle) => `  ${obstacle}`));
  lines.push('', 'Steps:', ...steps.map((step) => `  ${renderStep(step)}`));
  if (notes.length > 0) lines.push('', ...notes.map((note) => `Note: ${note}`));
  return `${lines.join('\n')}\n`;
}

export function renderStep(step: TakeoverStep): string {
  switch (step.kind) {
    case 'command':
      return step.argv.join(' ');
    case 'kill':
      return step.processIds.length === 0
        ? 'kill nothing: no DHCP client is running'
        : `kill -KILL ${step.processIds.join(' ')}`;
    case 'renew-address':
      return `add ${step.address.address}/${step.address.prefixLength} again, with the kernel's own route`;
    case 'link':
      return `link ${step.path} to ${step.target}`;
    case 'remove':
    case 'write':
      return `${step.kind} ${step.path}`;
  }
}
