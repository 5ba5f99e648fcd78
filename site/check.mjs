// Whether the built site asks any other host for anything: fonts, scripts, styles, images.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const output = join(import.meta.dirname, 'dist');
const files = readdirSync(output, { recursive: true }).filter((path) => /\.(html|css)$/.test(path));
const found = files.flatMap((path) => {
  const text = readFileSync(join(output, path), 'utf8');
  const asked = [
    ...text.matchAll(
      /<(?:script|img|iframe|source)[^>]*\ssrc="(https?:[^"]+)"|<link[^>]*\shref="(https?:[^"]+)"|url\("?(https?:[^)"]+)/g,
    ),
  ];
  return asked.map((match) => `${path}: ${match[1] ?? match[2] ?? match[3]}`);
});
for (const line of found) console.error(`asks another host: ${line}`);
if (found.length > 0) process.exit(1);
console.log(`${files.length} files, none asks another host`);
