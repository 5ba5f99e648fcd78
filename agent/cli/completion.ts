/** `enid completion bash|zsh|fish`: completion scripts, made from the commands themselves. */

/** What may stand in a place: a file, an ENI or link, an address, or one of a few words. */
export type ValueKind = 'file' | 'enis' | 'addresses' | 'none' | readonly string[];

export interface OptionWords {
  /** `--output`, `-o`. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Null: it takes no value. */
  readonly value: ValueKind | null;
}

/** One command: its words (`config check`), what may follow, and a line about it. */
export interface CommandWords {
  readonly path: string;
  readonly description: string;
  readonly subcommands: readonly string[];
  /** One after the other. */
  readonly arguments: readonly ValueKind[];
  readonly options: readonly OptionWords[];
}

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** See help.ts. */
const wordsCommand = 'complete-words';

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

/**
 * For bash and zsh, whose words `$place` names: the path of the command and how many arguments
 * stand before the cursor.
 */
const findPlace = (words: string, command: string) => `  for word in ${words}; do
    if [ -n "$skip" ]; then skip=; continue; fi
    case $valued in *" $word "*) skip=1; continue ;; esac
    case $word in -*) continue ;; esac
    case "$known" in
      *"|\${${command}:+$${command} }$word|"*) ${command}="\${${command}:+$${command} }$word" ;;
      *) count=$((count + 1)) ;;
    esac
  done`;

function listKnown(commands: readonly CommandWords[]): string {
  return `|${commands.flatMap(({ path }) => (path === '' ? [] : [path])).join('|')}|`;
}

function listValued(commands: readonly CommandWords[]): string {
  const flags = commands.flatMap(({ options }) => options.flatMap((one) => (one.value === null ? [] : one.flags)));
  return ` ${[...new Set(flags)].join(' ')} `;
}

/**
 * bash parts words at `:` too, which IPv6 addresses have: the line itself is taken, and of the
 * answers what stands before the last `:` is left out.
 */
function renderBash(commands: readonly CommandWords[]): string {
  const values = commands.flatMap(({ path, options }) =>
    options.flatMap(({ flags, value }) =>
      value === null ? [] : [`    ${flags.map((flag) => quote(`${path}:${flag}`)).join('|')}) ${fillBash(value)} ;;`],
    ),
  );
  const places = commands.flatMap(({ path, subcommands, arguments: kinds }) => [
    ...(subcommands.length === 0 ? [] : [`    ${quote(`${path}:0`)}) words=${quote(subcommands.join(' '))} ;;`]),
    ...kinds.map((kind, index) => `    ${quote(`${path}:${index}`)}) ${fillBash(kind)} ;;`),
  ]);
  const flags = commands.map(({ path, options }) => {
    const words = options.flatMap((one) => one.flags.filter((flag) => flag.startsWith('--')));
    return `    ${quote(path)}) words=${quote(words.join(' '))} ;;`;
  });
  return `_enid() {
  local line=\${COMP_LINE:0:COMP_POINT} current given= word skip= count=0 words= files= previous=
  local known=${quote(listKnown(commands))} valued=${quote(listValued(commands))}
  local -a typed
  read -ra typed <<< "$line"
  current=
  case $line in *[[:space:]]) ;; *) current=\${typed[\${#typed[@]}-1]}; unset 'typed[\${#typed[@]}-1]' ;; esac
  previous=\${typed[\${#typed[@]}-1]}
${findPlace(`"\${typed[@]:1}"`, 'given')}
  COMPREPLY=()
  if [ -n "$skip" ]; then
    case $given:$previous in
${values.join('\n')}
    esac
  else
    case $current in
      -*)
        case $given in
${flags.join('\n')}
        esac ;;
      *)
        case $given:$count in
${places.join('\n')}
        esac ;;
    esac
  fi
  if [ -n "$files" ]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$current"))
    return
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  case $current in *:*) case $COMP_WORDBREAKS in *:*) COMPREPLY=("\${COMPREPLY[@]#"\${current%:*}:"}") ;; esac ;; esac
}
complete -F _enid enid
`;
}

function fillBash(kind: ValueKind): string {
  if (kind === 'none') return 'words=';
  if (kind === 'file') return 'files=1';
  return typeof kind === 'string'
    ? `words=$("\${typed[0]}" ${wordsCommand} ${kind} 2>/dev/null)`
    : `words=${quote(kind.join(' '))}`;
}

/**
 * A function that zsh loads by its file's name. `path` and `words` have a meaning of their own
 * there.
 */
function renderZsh(commands: readonly CommandWords[]): string {
  const describe = (name: string, description: string) => quote(`${name.replaceAll(':', '\\:')}:${description}`);
  const values = commands.flatMap(({ path, options }) =>
    options.flatMap(({ flags, value }) =>
      value === null ? [] : [`  ${flags.map((flag) => quote(`${path}:${flag}`)).join('|')}) ${fillZsh(value)} ;;`],
    ),
  );
  const places = commands.flatMap(({ path, subcommands, arguments: kinds }) => {
    const names = subcommands.map((name) => describe(name, describeCommand(commands, path, name)));
    return [
      ...(names.length === 0 ? [] : [`  ${quote(`${path}:0`)}) list=(${names.join(' ')}); _describe command list ;;`]),
      ...kinds.map((kind, index) => `  ${quote(`${path}:${index}`)}) ${fillZsh(kind)} ;;`),
    ];
  });
  const flags = commands.map(({ path, options }) => {
    const words = options.flatMap((one) => one.flags.map((flag) => describe(flag, one.description)));
    return `  ${quote(path)}) list=(${words.join(' ')}); _describe -o option list ;;`;
  });
  return `#compdef enid
local given= word= skip= count=0 previous=\${words[CURRENT-1]}
local known=${quote(listKnown(commands))} valued=${quote(listValued(commands))}
local -a list
${findPlace(`\${words[2,CURRENT-1]}`, 'given')}
if [[ -n $skip ]]; then
  case $given:$previous in
${values.join('\n')}
  esac
  return
fi
if [[ $PREFIX == -* ]]; then
  case $given in
${flags.join('\n')}
  esac
  return
fi
case $given:$count in
${places.join('\n')}
esac
`;
}

function fillZsh(kind: ValueKind): string {
  if (kind === 'none') return ':';
  if (kind === 'file') return '_files';
  return typeof kind === 'string'
    ? `list=(\${(f)"$($words[1] ${wordsCommand} ${kind} 2>/dev/null)"}); compadd -a list`
    : `compadd ${kind.map(quote).join(' ')}`;
}

/** Description of a subcommand. */
function describeCommand(commands: readonly CommandWords[], path: string, name: string): string {
  const words = path === '' ? name : `${path} ${name}`;
  return commands.find((one) => one.path === words)?.description ?? '';
}

function renderFish(commands: readonly CommandWords[]): string {
  const lines = commands.flatMap(({ path, options, subcommands, arguments: kinds }) => {
    const words = path.split(' ').filter((word) => word !== '');
    const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`);
    const isHere = words.length === 0 ? ['__fish_use_subcommand'] : seen;
    const isAtSubcommand = [...isHere, ...subcommands.map((name) => `not __fish_seen_subcommand_from ${name}`)];
    return [
      ...subcommands.map(
        (name) =>
          `complete -c enid -f -n ${quote(isAtSubcommand.join('; and '))} -a ${name} -d ${quote(describeCommand(commands, path, name))}`,
      ),
      ...[...new Set(kinds)].flatMap((kind) => {
        const values = fillFish(kind);
        return values === null ? [] : [`complete -c enid -n ${quote(isHere.join('; and '))} ${values}`];
      }),
      ...options.map(({ flags, description, value }) => {
        const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
        const taken = value === null ? '' : ` -r ${fillFish(value) ?? '-f'}`;
        return `complete -c enid -n ${quote(isHere.join('; and '))} ${names.join(' ')}${taken} -d ${quote(description)}`;
      }),
    ];
  });
  return `complete -c enid -f\n${lines.join('\n')}\n`;
}

function fillFish(kind: ValueKind): string | null {
  if (kind === 'none') return null;
  if (kind === 'file') return '-F';
  const words = typeof kind === 'string' ? `(enid ${wordsCommand} ${kind} 2>/dev/null)` : kind.join(' ');
  return `-f -a ${quote(words)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
