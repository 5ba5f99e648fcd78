// Prints what CHANGELOG.md says of a version: `node notes.mjs 0.2.0`. A release candidate has the notes of what it is a candidate for.
import { readFileSync } from 'node:fs';

const [version = ''] = process.argv.slice(2);
const [wanted] = version.split(/[-~]/);
const [, ...sections] = readFileSync('CHANGELOG.md', 'utf8').split(/^## /m);
const section = sections.find((text) => text.split(/\s/)[0] === wanted);
if (section === undefined) throw new Error(`expected a section ${wanted} in CHANGELOG.md`);
const [title, ...lines] = section.split('\n');
if (version === wanted && title.includes('unreleased'))
  console.error(`CHANGELOG.md calls ${wanted} unreleased: write the date before it is published`);
console.log(`# enid ${version}\n\n${lines.join('\n').trim()}`);
