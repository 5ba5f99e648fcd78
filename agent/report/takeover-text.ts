/** What `enid takeover --dry-run` prints. Pure. */

import type { TakeoverPlan, TakeoverStep } from '../takeover-model.ts';

export function renderTakeoverPlan({ managers, steps, obstacles, notes }: TakeoverPlan): string {
  if (steps.length === 0 && obstacles.length === 0) return 'systemd-networkd and enid have the ENIs already.\n';
  const lines = [`The ENIs are configured by: ${managers.join(', ') || 'nobody'}`];
  if (obstacles.length > 0) lines.push('', 'In the way:', ...obstacles.map((obstacle) => `  ${obstacle}`));
  lines.push('', 'To be done:', ...steps.map((step) => `  ${renderStep(step)}`));
  if (notes.length > 0) lines.push('', ...notes.map((note) => `Note: ${note}`));
  return `${lines.join('\n')}\n`;
}

export function renderStep(step: TakeoverStep): string {
  switch (step.kind) {
    case 'command':
      return step.argv.join(' ');
    case 'kill':
      return step.processIds.length === 0 ? 'kill nothing: no client runs' : `kill -KILL ${step.processIds.join(' ')}`;
    case 'renew-address':
      return `make ${step.address.address}/${step.address.prefixLength} anew, with a route of the kernel's own`;
    case 'link':
      return `link ${step.path} to ${step.target}`;
    case 'remove':
    case 'write':
      return `${step.kind} ${step.path}`;
  }
}
