import type { Config } from '../../config/config.js';
import { scopeOf } from '../../ledger/classy/supporters-as-people.js';
import type { Ledger } from '../../ledger/ledger.js';
import type { EndedRun } from '../../ledger/runs.js';
import type { Pause } from '../../ledger/sites.js';
import { type AudienceSources, organizationAudiences } from '../processes/organization-audiences.js';
import { dryRunCommand, planCommand } from '../sync/subject.js';

/** An audience and how it stands. */
export interface AudienceState {
  /** Null where the configuration does not even tell which one. */
  audience: string | null;
  /** Whose people it holds: a site's, or an organization's. */
  site: string | null;
  organization: { id: string; name: string } | null;
  /** Its kind of destination; null where that is misconfigured. */
  destination: string | null;
  title: string | null;
  activeSubscribers: number | null;
  /** When the first sync was completed. */
  adoptedAt: Date | null;
  /** The command that its first sync waits for. */
  waitsFor: string | null;
  /** The command that shows the plan which the guard left and nobody has decided on. */
  stoppedBy: string | null;
  last: EndedRun | null;
  paused: Pause | null;
  /** Sentences of its last check. */
  problems: string[];
  /** Why it cannot be written to, and what to do. */
  misconfigured: string | null;
}

/** What reading the states of audiences needs. */
export interface StateSources extends AudienceSources {
  config: Pick<Config, 'audiences' | 'mailchimp' | 'segments' | 'sites'>;
  ledger: Ledger;
}

/** All configured audiences: those of sites, then those of organizations. */
export async function readAudienceStates(sources: StateSources): Promise<AudienceState[]> {
  const { config, ledger } = sources;
  const [rows, ended, plans, { audiences, problems }] = await Promise.all([
    ledger.audiences.list(),
    ledger.runs.lastEnded(),
    ledger.runs.stoppedByGuard(),
    organizationAudiences(sources),
  ]);
  const known = (audience: string | undefined) => {
    const row = rows.find((one) => one.audience === audience);
    return {
      audience: audience ?? null,
      title: row?.title ?? null,
      activeSubscribers: row?.activeSubscribers ?? null,
      adoptedAt: row?.adoptedAt ?? null,
      waitsFor: null,
      stoppedBy: null,
      last: ended.get(audience ?? '') ?? null,
      paused: row?.pausedSince
        ? { since: row.pausedSince, type: row.pausedType ?? '', message: row.pausedMessage ?? '' }
        : null,
      problems: row?.problems ?? [],
      misconfigured: null,
    };
  };
  const stoppedBy = (kind: 'site' | 'audience', filedUnder: string): string | null => {
    const plan = plans.get(filedUnder);
    return plan === undefined ? null : planCommand({ kind }, plan);
  };
  const whose = ({ id, name }: { id: string; name: string }) => ({ site: null, organization: { id, name } });
  const ofSites = config.sites.map(({ name, audience }): AudienceState => {
    const state = known(audience);
    const waitsFor = state.adoptedAt ? null : dryRunCommand({ kind: 'site', name });
    const stopped = stoppedBy('site', name);
    return { ...state, site: name, organization: null, destination: 'campaign-monitor', waitsFor, stoppedBy: stopped };
  });
  const ofOrganizations = audiences.map(({ audience, organization, kind }): AudienceState => {
    const state = known(audience);
    const waitsFor = state.adoptedAt ? null : dryRunCommand({ kind: 'audience', name: audience });
    const stopped = stoppedBy('audience', scopeOf(organization.id));
    return { ...state, ...whose(organization), destination: kind.name, waitsFor, stoppedBy: stopped };
  });
  const wrong = problems.map(({ audience, organization, problem }): AudienceState => {
    const destination = config.audiences[organization.id]?.destination ?? 'mailchimp';
    return { ...known(audience), ...whose(organization), destination, misconfigured: problem };
  });
  return [...ofSites, ...ofOrganizations, ...wrong];
}

/** What an operator has to know first. */
export function stateWord({ misconfigured, paused, stoppedBy, waitsFor, problems }: AudienceState): string {
  if (misconfigured !== null) return 'MISCONFIGURED';
  if (paused) return `PAUSED (${paused.type})`;
  if (stoppedBy !== null) return 'stopped by the guard';
  if (waitsFor !== null) return 'waits for its first sync';
  return problems.length > 0 ? 'ok, see below' : 'ok';
}

/** What is to be told of an audience in sentences, each with what to do; one of them may begin with the word for its state. */
export function remarksOn({ misconfigured, paused, stoppedBy, waitsFor, problems }: AudienceState): string[] {
  return [
    ...(misconfigured === null ? [] : [misconfigured]),
    ...(paused ? [`${paused.message}; it goes on by itself, see steward doctor`] : []),
    ...(stoppedBy === null ? [] : [`stopped by the guard: ${stoppedBy}`]),
    ...(waitsFor === null ? [] : [`waits for its first sync: ${waitsFor}`]),
    ...problems,
  ];
}
