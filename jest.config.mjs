// Tiers in one runner: `unit` is pure and runs in milliseconds; `lab` needs root, namespaces and the real networkd, and
// `long` is the part of it that takes minutes; `service` boots a system with the real systemd; `machine` a whole machine
// without KVM.
const shared = {
  testEnvironment: 'node',
  // Unpacked npm packages, of which some are in node_modules, too.
  modulePathIgnorePatterns: ['<rootDir>/.cache/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
};
export default {
  // Machines are shared: a limit is there to end what hangs.
  testTimeout: 60_000,
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/spec/**/*.spec.ts'],
      testPathIgnorePatterns: [
        '/node_modules/',
        '<rootDir>/spec/lab/',
        '<rootDir>/spec/long/',
        '<rootDir>/spec/service/',
        '<rootDir>/spec/release/',
        '<rootDir>/spec/machine/',
        '<rootDir>/spec/attack/',
        '<rootDir>/spec/upgrade/',
      ],
    },
    { ...shared, displayName: 'lab', testMatch: ['<rootDir>/spec/lab/**/*.spec.ts'] },
    { ...shared, displayName: 'long', testMatch: ['<rootDir>/spec/long/**/*.spec.ts'] },
    {
      ...shared,
      displayName: 'service',
      testMatch: ['<rootDir>/spec/service/**/*.spec.ts', '<rootDir>/spec/attack/**/*.spec.ts'],
    },
    { ...shared, displayName: 'upgrade', testMatch: ['<rootDir>/spec/upgrade/**/*.spec.ts'] },
    { ...shared, displayName: 'release', testMatch: ['<rootDir>/spec/release/**/*.spec.ts'] },
    { ...shared, displayName: 'machine', testMatch: ['<rootDir>/spec/machine/**/*.spec.ts'] },
  ],
};
