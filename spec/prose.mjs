/**
 * The part of CONTRIBUTING's English that a machine can check: `npm run lint` runs it. Reads the files that git tracks, or those
 * below the directory given as argument. Prints one line per problem and exits 1 if there is any.
 */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Columns of a comment line; null would switch the check off. */
const longestComment = 100;

/** What is not used in comments, strings and documents, and what to write. */
const words = [
  [/\banew\b/i, 'again'],
  [/\bwish(?:es|ed|ing)?\b/i, 'desired'],
  [/\bin spite of\b/i, 'despite'],
  [/\b(?:whosever|whosoever|wheresoever|whatsoever)\b/i, 'a plain clause'],
  [
    /\b(?:the|their|its|whose|late|these|that) metadata (?:are|were|have|list|tell|show|say|know|do)\b/i,
    '"metadata is", singular',
  ],

  [/\bends? well\b/i, 'succeeds, or exits 0'],
  [/\bin the words of ip\(8\)/i, 'in the syntax of ip(8)'],
  [/\blook(?:s|ed)? over\b/i, 'check'],
  [/\bis told by\b/i, 'reported by'],
  [/\b(?<![\d.])1 (?:ENIs|errors|warnings|changes|ways|sources|addresses|rules|routes|links)\b/, 'the singular'],
];

const isProse = (path) => /\.(?:ts|mjs|cjs|md|sh|catalog|yaml|service|socket|rules|conf|policy)$/.test(path);
const isComment = (line) => /^\s*(?:\/\/|\/\*\*?|\*)/.test(line);
const isMeasured = (path) => /^(?:agent|lib|fixtures|spec)\/.*\.ts$/.test(path);

/** One line per problem of a file. */
function check(path, text) {
  return text.split('\n').flatMap((line, index) => {
    const place = `${path}:${index + 1}`;
    const length = [...line].length;
    const isLong = longestComment !== null && isMeasured(path) && isComment(line) && length > longestComment;
    return [
      ...(isLong ? [`${place}: a comment line of ${length} columns: expected at most ${longestComment}`] : []),
      ...words.flatMap(([pattern, instead]) => {
        const found = pattern.exec(line)?.[0];
        return found === undefined ? [] : [`${place}: "${found}": write ${instead}`];
      }),
    ];
  });
}

const [directory] = process.argv.slice(2);
const tracked = () => execFileSync('git', ['ls-files'], { encoding: 'utf8' }).trim().split('\n');
const below = (root) =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
const root = directory ?? '.';
const paths = (directory === undefined ? tracked() : below(directory)).filter(
  (path) => isProse(path) && !/(?:^|\/)prose\.(?:mjs|spec\.ts)$/.test(path),
);
const problems = paths.flatMap((path) => {
  try {
    return check(path, readFileSync(join(root, path), 'utf8'));
  } catch (error) {
    // Tracked, and deleted in the work tree.
    if (error.code === 'ENOENT') return [];
    throw error;
  }
});
for (const problem of problems) process.stdout.write(`${problem}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
