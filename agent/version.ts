/** The program's version; the build puts package.json's in. */
export const version: string = process.env['ENID_VERSION'] ?? '0.0.0-source';
