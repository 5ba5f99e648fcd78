/** Anchors of a page in Markdown: what a link to a place in it may name. */

/**
 * As GitHub makes them from headings (lower case, spaces to hyphens, no punctuation), and those of
 * `<a id>`.
 */
export function listAnchors(text: string): Set<string> {
  const headings = [...text.replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, '').matchAll(/^#{1,6} +(.+)$/gm)];
  const counts = new Map<string, number>();
  const named = headings.map(([, title = '']) => {
    const plain = title.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-');
    const count = counts.get(slug) ?? 0;
    counts.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
  return new Set([...named, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id)]);
}
