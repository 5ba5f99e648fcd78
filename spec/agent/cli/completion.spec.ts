/** The scripts; that bash takes its one is tested in the lab. */

import { expect, it } from '@jest/globals';
import { type CommandWords, renderCompletion } from '../../../agent/cli/completion.ts';

const option = (flag: string, description: string) => {
  return { flags: [flag], description, value: flag === '--config' ? ('file' as const) : null };
};
const none = { options: [], arguments: [], subcommands: [] };
const commands: CommandWords[] = [
  { ...none, path: '', description: 'all', subcommands: ['config'], options: [option('--version', 'the version')] },
  { ...none, path: 'config', description: 'look at files', subcommands: ['show'] },
  {
    ...none,
    path: 'config show',
    description: "what's in force: all",
    arguments: ['enis'],
    options: [option('--config', 'a file')],
  },
];

it('zsh: a function of its own, in which `path` would be the PATH; colons part names from descriptions', () => {
  const script = renderCompletion('zsh', commands);
  expect(script.split('\n')[0]).toBe('#compdef enid');
  expect(script).not.toMatch(/\bpath\b/);
  expect(script).toContain("  ':0') list=('config:look at files'); _describe command list ;;");
  expect(script).toContain("  'config:0') list=('show:what'\\''s in force: all'); _describe command list ;;");
  expect(script).toContain("  'config show:--config') _files ;;");
  expect(script).toContain('complete-words enis');
});

it('fish: files only where a file is wanted', () => {
  const script = renderCompletion('fish', commands);
  expect(script).toContain('complete -c enid -f\n');
  expect(script).toContain(
    "complete -c enid -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l config -r -F -d 'a file'",
  );
});
