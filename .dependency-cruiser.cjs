// The import rule of docs/architecture.md, every room by name:
// main → cli → run → watch → {sense, decide, act, report} → {config, model} → lib.
// Within decide: decider → {explain, takeover} → diff → desired → inputs → base.
const from = (path, pathNot) => (pathNot ? { path, pathNot } : { path });
const rooms = ['cli', 'run', 'watch', 'sense', 'decide', 'act', 'report', 'config'];
const shared = '^agent/((takeover-)?model|errors|version)[.]ts$';
const pureLibraries = '^lib/(ip|text)/';

/** A room imports itself, the shared types, lib, packages and the rooms that are named; no other one. */
function mayImport(room, ...lower) {
  const allowed = [room, ...lower];
  const others = rooms.filter((one) => !allowed.includes(one));
  return {
    name: `${room}-imports-lower-rooms`,
    severity: 'error',
    from: from(`^agent/${room}/`),
    to: { path: `^agent/((${others.join('|')})/|main[.]ts$)` },
  };
}

const steps = ['base', 'inputs', 'desired', 'diff', 'explain', 'takeover'];

/** A step of a decision imports itself and the steps before it. */
function mayFollow(step, ...before) {
  const later = steps.filter((one) => one !== step && !before.includes(one));
  return {
    name: `decide-${step}-imports-earlier-steps`,
    severity: 'error',
    from: from(`^agent/decide/${step}/`),
    to: { path: `^agent/decide/((${later.join('|')})/|[^/]*$)` },
  };
}

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
      name: 'every-file-has-a-room',
      comment: 'A file that belongs to no room is a sign: name the room or split the file.',
      severity: 'error',
      from: {},
      to: { path: '^agent/', pathNot: [`^agent/(${rooms.join('|')})/`, '^agent/main[.]ts$', shared] },
    },
    {
      name: 'every-decision-has-a-step',
      severity: 'error',
      from: {},
      to: { path: '^agent/decide/', pathNot: [`^agent/decide/(${steps.join('|')})/`, '^agent/decide/decider[.]ts$'] },
    },
    {
      name: 'decide-is-pure',
      comment: 'Decisions import only the model, config types, lib/ip and lib/text: no I/O, no clock, no other room.',
      severity: 'error',
      from: from('^agent/decide/'),
      to: { pathNot: `^agent/decide/|^agent/(takeover-)?model[.]ts$|^agent/config/types[.]ts$|${pureLibraries}` },
    },
    mayImport('cli', 'run', 'watch', 'sense', 'decide', 'act', 'report', 'config'),
    mayImport('run', 'watch', 'sense', 'decide', 'act', 'report', 'config'),
    mayImport('watch', 'sense', 'decide', 'act', 'report', 'config'),
    mayImport('sense', 'config'),
    mayImport('act', 'config'),
    mayImport('report', 'config'),
    mayImport('config'),
    mayFollow('base'),
    mayFollow('inputs', 'base'),
    mayFollow('desired', 'base', 'inputs'),
    mayFollow('diff', 'base', 'inputs', 'desired'),
    mayFollow('explain', 'base', 'inputs', 'desired', 'diff'),
    mayFollow('takeover', 'base', 'inputs', 'desired', 'diff'),
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
