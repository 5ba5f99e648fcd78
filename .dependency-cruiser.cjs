// The import rule of docs/architecture.md: main → loop → {sense, decide, act, report} → model → lib.
const from = (path, pathNot) => (pathNot ? { path, pathNot } : { path });
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'lib-knows-no-program', severity: 'error', from: from('^lib/'), to: { path: '^(agent|fixtures|spec)/' } },
    {
      name: 'program-knows-no-tests',
      severity: 'error',
      from: from('^agent/', '^agent/cli/demo'),
      to: { path: '^(fixtures|spec)/' },
    },
    {
      name: 'decide-is-pure',
      comment: 'Decisions import only the model, config types, lib/ip and lib/text: no I/O, no clock, no other room.',
      severity: 'error',
      from: from('^agent/decide/'),
      to: { pathNot: '^(agent/decide/|agent/(takeover-)?model[.]ts$|agent/config/types[.]ts$|lib/(ip|text)/)' },
    },
    {
      name: 'sense-is-a-leaf',
      severity: 'error',
      from: from('^agent/sense/'),
      to: { path: '^agent/(decide|act|report|cli|loop|main)' },
    },
    {
      name: 'act-is-a-leaf',
      severity: 'error',
      from: from('^agent/act/'),
      to: { path: '^agent/(decide|sense|report|cli|loop|main)' },
    },
    {
      name: 'report-is-a-leaf',
      severity: 'error',
      from: from('^agent/report/'),
      to: { path: '^agent/(decide|sense|act|cli|loop|main)' },
    },
    {
      name: 'model-is-data',
      severity: 'error',
      from: from('^agent/(takeover-)?model[.]ts$'),
      to: { pathNot: '^lib/' },
    },
    { name: 'nothing-imports-main', severity: 'error', from: {}, to: { path: '^agent/main[.]ts$' } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  },
};
