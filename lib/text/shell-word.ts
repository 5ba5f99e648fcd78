/** One word of a shell command. Pure. */

/**
 * As it is where no shell sees anything in it, else in single quotes (POSIX, Shell Command
 * Language, 2.2.2): the name of a link may hold anything but spaces and `/`.
 */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
