/**
 * `enid report`: one file with all that a decision follows from, and what people ask for who look
 * for a fault. `plan --from` and `explain --from` decide from it, on any machine.
 */

import { writeFileAtomically } from '../../lib/file/write-file.ts';
import { countOf } from '../../lib/text/count.ts';
import { defaultConfig } from '../config/defaults.ts';
import { summariseFaults } from '../config/fault.ts';
import { formatConfig } from '../config/format.ts';
import { type ConfigPlaces, readConfigTexts } from '../config/load.ts';
import { readyEnis } from '../decide/inputs/accept-snapshot.ts';
import { redactIds, redactSecrets } from '../report/redact.ts';
import { readReportFacts } from '../sense/report-facts.ts';
import { version } from '../version.ts';
import { planSchema, statusSchema } from './answers.ts';
import { askDaemon } from './ask-daemon.ts';
import { examineConfiguration, runChecks } from './doctor.ts';
import { decideOnce, type HostSight, lookAtHost } from './inspect.ts';
import { reportFormat, reportVersion, writeSight } from './report-schema.ts';
import { type CommandResult, describePlan } from './status.ts';

/** Of one kind: a host with more is cut, and the file says so. */
const mostObjects = 20_000;

export interface ReportOptions {
  /** Null: a name with the time, in the working directory. `-`: stdout. */
  readonly output: string | null;
  /** Replaces ids of account and instance. */
  readonly redacts: boolean;
}

/**
 * Exit code 0. Throws a KernelError if the kernel cannot be read, and what the file system throws.
 */
export async function writeReport(places: ConfigPlaces, { output, redacts }: ReportOptions): Promise<CommandResult> {
  const { reading, inForce, state: configuration } = await examineConfiguration(places);
  // A configuration that is refused is a reason for a report, and no reason for none.
  const config = reading.config ?? inForce ?? defaultConfig;
  const problem = reading.faults.length === 0 ? null : summariseFaults(reading.faults);
  const time = new Date();
  const { sight, cut } = bound(await lookAtHost(config));
  const inspection = decideOnce(sight);
  const [facts, findings, status, plan] = await Promise.all([
    readReportFacts(),
    runChecks(inspection, { config, configuration }),
    askDaemon(config, { member: 'Describe', schema: statusSchema }),
    askDaemon(config, { member: 'Plan', schema: planSchema }),
  ]);
  const { files, networkctl, journal, host } = facts;
  const report = {
    ...{ format: reportFormat, version: reportVersion, enid: version, time: time.toISOString(), host },
    cut,
    configuration: { problem, files: readTexts(places) },
    sight: writeSight(sight, formatConfig(config)),
    plan: describePlan({ ...inspection, directory: config.networkd.unitDirectory }),
    findings,
    daemon: { status: describeAnswer(status), plan: describeAnswer(plan) },
    ...{ files: files.map(({ path, text }) => ({ path, text: redactSecrets(text) })), networkctl, journal },
  };
  const whole = `${JSON.stringify(report, null, 1)}\n`;
  const text = redacts ? redactIds(whole, listPublic(sight)) : whole;
  if (output === '-') return { stdout: text, stderr: '', exitCode: 0 };
  const path = output ?? `enid-report-${time.toISOString().replace(/\..*$/, '').replaceAll(/[-:]/g, '')}.json`;
  await writeFileAtomically(path, text, { mode: 0o600 });
  return { stdout: describe(path, text, redacts), stderr: '', exitCode: 0 };
}

function describe(path: string, text: string, redacts: boolean): string {
  const ids = redacts
    ? 'Ids of account, instance, ENIs, subnets and VPC, and public addresses are replaced. Private addresses and MACs are in it.'
    : 'Ids, addresses and MACs are in it; `enid report --redact` replaces the ids of account and instance.';
  return `${path}: ${countOf(Math.ceil(text.length / 1024), 'KiB', 'KiB')}, for you alone to read (0600).
It has the metadata of the ENIs, links, addresses, routes and rules, networkd's files and words, the configuration, and the last
entries of the journal of enid and systemd-networkd; no keys, no credentials, no user data. ${ids}
What follows from it: enid plan --from ${path}
`;
}

function readTexts(places: ConfigPlaces): readonly { readonly path: string; readonly text: string }[] {
  return readConfigTexts(places).texts.map(({ path, text }) => ({ path, text: redactSecrets(text) }));
}

function describeAnswer(answer: Awaited<ReturnType<typeof askDaemon>>): unknown {
  return answer.kind === 'answered' ? answer.value : { unanswered: answer.reason };
}

function listPublic({ snapshot }: HostSight): string[] {
  return readyEnis(snapshot).flatMap(({ publicIpv4 }) => Object.keys(publicIpv4));
}

/** `cut`: kind of object → how many are left out. */
function bound(sight: HostSight): { sight: HostSight; cut: Record<string, number> } {
  const cut: Record<string, number> = {};
  const limit = <T>(kind: string, objects: readonly T[]): readonly T[] => {
    if (objects.length > mostObjects) cut[kind] = objects.length - mostObjects;
    return objects.slice(0, mostObjects);
  };
  const { links, addresses, routes, rules, drivers, lacksIpv6 } = sight.kernel;
  // Those of enid's ENIs and of main are not the ones to be cut: a routing daemon's are.
  const sorted =
    routes.length > mostObjects
      ? [...routes].sort((a, b) => Number(a.protocol > 16) - Number(b.protocol > 16))
      : routes;
  const kernel = {
    ...{ links: limit('links', links), addresses: limit('addresses', addresses) },
    ...{ routes: limit('routes', sorted), rules: limit('rules', rules), drivers },
    ...(lacksIpv6 === true ? { lacksIpv6 } : {}),
  };
  return { sight: { ...sight, kernel }, cut };
}
