/** The scripts; that bash takes its one is tested in the lab. */

import { expect, it } from '@jest/globals';
import { type CommandWords, renderCompletion } from '../../../agent/cli/completion.ts';

const option = (flag: string, description: string) => ({ flag, description, takesFile: flag === '--config' });
const commands: CommandWords[] = [
  { path: '', description: 'all', subcommands: ['config'], options: [option('--version', 'the version')] },
  { path: 'config', description: 'look at files', subcommands: ['show'], options: [] },
  {
    path: 'config show',
    description: "what's in force: all",
    subcommands: [],
    options: [option('--config', 'a file')],
  },
];

it('zsh: a function of its own, in which `path` would be the PATH; colons part names from descriptions', () => {
  const script = renderCompletion('zsh', commands);
  expect(script.split('\n')[0]).toBe('#compdef enid');
  expect(script).not.toMatch(/\bpath\b/);
  expect(script).toContain("  '') commands=('config:look at files') options=('--version:the version') ;;");
  expect(script).toContain("  'config') commands=('show:what'\\''s in force: all') options=() ;;");
  expect(script).toContain("  'config show') commands=() options=('--config:a file') ;;");
  expect(script).toMatch(/_describe command commands\n_describe -o option options\n$/);
});

it('fish: files only where a file is wanted', () => {
  const script = renderCompletion('fish', commands);
  expect(script).toContain('complete -c enid -f\n');
  expect(script).toContain(
    "complete -c enid -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from show' -l config -r -F -d 'a file'",
  );
});
