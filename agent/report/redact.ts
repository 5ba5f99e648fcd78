/** Takes ids of an account and secrets out of texts that leave the host. Pure. */

/** Kinds of ids, and the digits that take their place: as many as EC2's own have. */
const kinds = ['i', 'eni', 'subnet', 'vpc', 'sg', 'ami', 'vol', 'eipalloc', 'acl', 'rtb'];
const idPattern = new RegExp(`\\b(${kinds.join('|')})-([0-9a-f]{8,17})\\b`, 'g');
/** An account: twelve digits that are no part of an address, a number or an id. */
const accountPattern = /(?<![\w.:-])\d{12}(?![\w.:-])/g;

/**
 * The same id becomes the same one wherever it stands, so that what belongs together still does.
 * Addresses stay: a decision is about them; public ones become documentation addresses (RFC 5737).
 */
export function redactIds(text: string, publicAddresses: readonly string[] = []): string {
  const numbers = new Map<string, string>();
  const count = new Map<string, number>();
  const replaced = text
    .replace(idPattern, (id, kind: string, digits: string) => {
      const known = numbers.get(id);
      if (known !== undefined) return known;
      const number = (count.get(kind) ?? 0) + 1;
      count.set(kind, number);
      const made = `${kind}-${String(number).padStart(digits.length, '0')}`;
      numbers.set(id, made);
      return made;
    })
    .replace(accountPattern, '000000000000');
  return publicAddresses.reduce((result, address, index) => {
    const pattern = new RegExp(`(?<![\\d.])${address.replaceAll('.', '\\.')}(?![\\d.])`, 'g');
    return result.replace(pattern, `198.51.100.${(index % 254) + 1}`);
  }, replaced);
}

/** Keys of systemd.network(5), systemd.netdev(5) and others that hold what nobody else may know. */
const secretKey = /^(\s*[\w.-]*(?:Key|Password|Secret|Passphrase|PrivateKey|PresharedKey)[\w.-]*\s*[=:]\s*)\S.*$/gim;

/** The values of keys that hold secrets. */
export function redactSecrets(text: string): string {
  return text.replace(secretKey, '$1(left out)');
}
