/** Two suites: `fast` (npm test) and `long` (npm run test:long: kills, chaos, outages). */
const base = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
};

export default {
  // most of a test is waiting for others: a third one fills the time of two cores
  maxWorkers: 3,
  testTimeout: 60_000,
  projects: [
    {
      ...base,
      displayName: 'fast',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: [...base.testPathIgnorePatterns, '\\.long\\.test\\.ts$'],
    },
    { ...base, displayName: 'long', testMatch: ['<rootDir>/test/**/*.long.test.ts'] },
  ],
};
