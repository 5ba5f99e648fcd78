// package.json is the one place that says who publishes: homepage, repository, author. `npm run publisher` writes what follows from it
// into the other files; `-- --check` lists what differs; `-- --real` also refuses a name that nobody can have (RFC 2606: `.example`).
import { readFileSync, writeFileSync } from 'node:fs';

/** File → what is replaced there, and by what. `owner`: the account that has the repository. */
const places = {
  'README.md': [/(git clone )\S+( enid)/g, ({ repository }) => `$1${repository}$2`],
  'docs/metrics/alerts.yaml': [/(runbook_url: )\S+\//g, ({ repository }) => `$1${repository}/blob/main/docs/`],
  'docs/metrics/alerts-test.yaml': [/(runbook_url: )\S+\//g, ({ repository }) => `$1${repository}/blob/main/docs/`],
  '.github/CODEOWNERS': [/@[\w-]+(\/\w+)/g, ({ owner }) => `@${owner}$1`],
};

const { homepage, repository: source, author } = JSON.parse(readFileSync('package.json', 'utf8'));
const repository = source.url.replace(/^git\+/, '').replace(/\.git$/, '');
const { pathname } = new URL(repository);
const publisher = { repository, owner: pathname.split('/')[1] };
const isReserved = (name) => /(^|\.)(example|example\.(com|net|org)|invalid|test|localhost)$/.test(name);

const options = process.argv.slice(2);
const unknown = options.find((option) => option !== '--check' && option !== '--real');
if (unknown !== undefined) throw new Error(`expected --check or --real, got "${unknown}"`);
const problems = [];
for (const [path, [pattern, write]] of Object.entries(places)) {
  const text = readFileSync(path, 'utf8');
  const derived = text.replaceAll(pattern, write(publisher));
  if (!new RegExp(pattern).test(text)) problems.push(`${path}: expected ${pattern}, which names the publisher`);
  if (derived === text) continue;
  if (options.length === 0) {
    writeFileSync(path, derived);
    console.log(`${path}: written`);
  } else problems.push(`${path}: not as package.json has it: npm run publisher`);
}
if (options.includes('--real')) {
  const hosts = {
    homepage: new URL(homepage).hostname,
    'repository.url': new URL(repository).hostname,
    'author.email': author.email.split('@')[1],
  };
  for (const [key, host] of Object.entries(hosts))
    if (isReserved(host)) problems.push(`package.json: expected the publisher's own ${key}, got one at ${host}`);
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
