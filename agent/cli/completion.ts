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

/**
 * The script for a shell; put it where the shell looks (`enid completion bash >
 * /usr/share/bash-completion/completions/enid`).
 */
export function renderCompletion(shell: Shell, commands: readonly CommandWords[]): string {
  switch (shell) {
    case 'bash':
      return renderBash(commands);
    case 'zsh':
      return renderZsh(commands);
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

/**
 * A function that zsh loads by its file's name. `path` and `words` have a meaning of their own
 * there.
 */
function renderZsh(commands: readonly CommandWords[]): string {
  const describe = (name: string, description: string) => quote(`${name.replaceAll(':', '\\:')}:${description}`);
  const cases = commands.map(({ path, subcommands, options }) => {
    const names = subcommands.map((name) => describe(name, describeCommand(commands, path, name)));
    const flags = options.map(({ flag, description }) => describe(flag, description));
    return `  ${quote(path)}) commands=(${names.join(' ')}) options=(${flags.join(' ')}) ;;`;
  });
  return `#compdef enid
local given= word=
local -a commands options
if [[ \${words[CURRENT-1]} == --config ]]; then
  _files
  return
fi
for word in \${words[2,CURRENT-1]}; do
  case $word in
    -* | *[./:]*) ;;
    *) given="\${given:+$given }$word" ;;
  esac
done
case $given in
${cases.join('\n')}
esac
_describe command commands
_describe -o option options
`;
}

/** Description of a subcommand. */
function describeCommand(commands: readonly CommandWords[], path: string, name: string): string {
  const words = path === '' ? name : `${path} ${name}`;
  return commands.find((one) => one.path === words)?.description ?? '';
}

function renderFish(commands: readonly CommandWords[]): string {
  const lines = commands.flatMap(({ path, options, subcommands }) => {
    const words = path.split(' ').filter((word) => word !== '');
    const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`);
    const isHere = words.length === 0 ? ['__fish_use_subcommand'] : seen;
    const isAtSubcommand = [...isHere, ...subcommands.map((name) => `not __fish_seen_subcommand_from ${name}`)];
    return [
      ...subcommands.map(
        (name) =>
          `complete -c enid -f -n ${quote(isAtSubcommand.join('; and '))} -a ${name} -d ${quote(describeCommand(commands, path, name))}`,
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
