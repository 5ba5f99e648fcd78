/** Removes the ENIs from the files of ifupdown (interfaces(5)). Pure. */

import type { TextFile } from '../../takeover-model.ts';

export interface InterfacesResult {
  /** ENIs that the files configure. */
  readonly links: readonly string[];
  /** The changed files, without the ENIs. */
  readonly changed: readonly TextFile[];
  /** Settings beyond what DHCP or router advertisements provide. */
  readonly obstacles: readonly string[];
}

/** Words that begin a stanza; `source` and the like are stanzas of one line. */
const starts = /^(iface|mapping|auto|allow-\S+|no-auto-down|no-scripts|rename|source|source-directory|template)$/;
const dynamicMethods = ['dhcp', 'auto', 'manual'];
/** Options that do no more than networkd does by itself with enid's file. */
const harmlessOptions = [
  'accept_ra',
  'autoconf',
  'privext',
  'dad-attempts',
  'dad-interval',
  'metric',
  'hostname',
  'client',
  'request_prefix',
  'wait-delay',
  'mtu',
];

interface Stanza {
  readonly words: readonly string[];
  readonly lines: readonly string[];
}

export function removeFromInterfaces(files: readonly TextFile[], eniLinks: readonly string[]): InterfacesResult {
  const links = new Set<string>();
  const obstacles: string[] = [];
  const aliases: string[] = [];
  const changed = files.flatMap(({ path, text }) => {
    const kept = splitStanzas(text).map((stanza) => {
      const { words } = stanza;
      const [keyword = '', ...names] = words;
      if (keyword === 'iface') {
        const [name = ''] = names;
        const [base = ''] = name.split(':');
        if (base !== name && eniLinks.includes(base))
          aliases.push(`${path}: iface ${name} would stay in addition to networkd`);
        if (!eniLinks.includes(name)) return stanza.lines.join('\n');
        links.add(name);
        obstacles.push(...judgeStanza(path, stanza));
        return null;
      }
      if (/^(auto|allow-\S+|no-auto-down|no-scripts)$/.test(keyword)) {
        for (const name of names) {
          // A pattern would bring up an ENI that no stanza names any more.
          if (/[*?/[]/.test(name)) obstacles.push(`${path}: the pattern ${name} may match an ENI`);
        }
        const rest = names.filter((name) => !eniLinks.includes(name));
        if (rest.length === names.length) return stanza.lines.join('\n');
        return rest.length === 0 ? null : [[keyword, ...rest].join(' '), ...stanza.lines.slice(1)].join('\n');
      }
      if (keyword === 'mapping' || keyword === 'rename') obstacles.push(`${path}: a ${keyword} may apply to an ENI`);
      return stanza.lines.join('\n');
    });
    const rest = kept.filter((part) => part !== null).join('\n');
    return rest === text ? [] : [{ path, text: `${rest.trimEnd()}\n` }];
  });
  // Files that name no ENI are left alone.
  return links.size === 0
    ? { links: [], changed: [], obstacles: aliases }
    : { links: [...links].sort(), changed, obstacles: [...obstacles, ...aliases] };
}

/**
 * Comments and empty lines belong to the stanza above them; those at the top are a stanza without
 * words.
 */
function splitStanzas(text: string): Stanza[] {
  const stanzas: { words: string[]; lines: string[] }[] = [{ words: [], lines: [] }];
  let isContinued = false;
  for (const line of text.split('\n')) {
    const words = line.trim().split(/\s+/);
    const isStart = !isContinued && starts.test(words[0] ?? '');
    if (isStart) stanzas.push({ words, lines: [line] });
    else stanzas.at(-1)?.lines.push(line);
    isContinued = line.endsWith('\\');
  }
  return stanzas.filter(({ lines }) => lines.length > 0);
}

function judgeStanza(path: string, { words, lines }: Stanza): string[] {
  const [, name, family = '', method = ''] = words;
  const where = `${path}: iface ${name} ${family}`;
  const found = dynamicMethods.includes(method) ? [] : [`${where} ${method}: expected dhcp or auto`];
  for (const line of lines.slice(1)) {
    const [option = ''] = line.trim().split(/\s+/);
    if (option === '' || option.startsWith('#') || harmlessOptions.includes(option)) continue;
    found.push(`${where} has \`${line.trim()}\`, which networkd would not do`);
  }
  return found;
}
