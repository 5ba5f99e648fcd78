/** `enid completion bash|zsh|fish`: completion scripts, made from the commands themselves. */

/** One command: its words (`config check`), what may follow, and a line about it. */
export interface CommandWords {
  readonly path: string;
  readonly description: string;
  readonly subcommands: readonly string[];
  readonly options: readonly { readonly flag: string; readonly description: string; readonly takesFile: boolean }[];
}

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** The script for a shell; put it where the shell looks (`enid completion bash > /usr/share/bash-completion/completions/enid`). */
export function renderCompletion(shell: Shell, commands: readonly CommandWords[]): string {
  switch (shell) {
    case 'bash':
      return renderBash(commands);
    case 'zsh':
      return `#compdef enid\nautoload -Uz bashcompinit && bashcompinit\n${renderBash(commands)}`;
    case 'fish':
      return renderFish(commands);
  }
}

function renderBash(commands: readonly CommandWords[]): string {
  const cases = commands.map(({ path, subcommands, options }) => {
    const words = [...subcommands, ...options.map(({ flag }) => flag)].join(' ');
    return `    ${quote(path)}) words=${quote(words)} ;;`;
  });
  return `_enid() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path= word words=
  if [ "$previous" = --config ]; then
    COMPREPLY=($(compgen -f -- "$current"))
    return
  fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
      -* | *[./:]*) ;;
      *) path="\${path:+$path }$word" ;;
    esac
  done
  case $path in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _enid enid
`;
}

function renderFish(commands: readonly CommandWords[]): string {
  const lines = commands.flatMap(({ path, options, subcommands }) => {
    const words = path.split(' ').filter((word) => word !== '');
    const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`);
    const isHere = words.length === 0 ? ['__fish_use_subcommand'] : seen;
    const isAtSubcommand = [...isHere, ...subcommands.map((name) => `not __fish_seen_subcommand_from ${name}`)];
    const describe = (name: string) =>
      commands.find((one) => one.path === [...words, name].join(' '))?.description ?? '';
    return [
      ...subcommands.map(
        (name) =>
          `complete -c enid -f -n ${quote(isAtSubcommand.join('; and '))} -a ${name} -d ${quote(describe(name))}`,
      ),
      ...options.map(
        ({ flag, description, takesFile }) =>
          `complete -c enid -n ${quote(isHere.join('; and '))} -l ${flag.replace(/^--/, '')}${takesFile ? ' -r -F' : ''} -d ${quote(description)}`,
      ),
    ];
  });
  return `complete -c enid -f\n${lines.join('\n')}\n`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
