import type {
  OrganizationRunActivities,
  OrganizationSyncOutcome,
  OrganizationSyncResult,
} from '../../src/contract/organization-sync.js';
import type { OrganizationRun } from '../../src/ledger/classy/organization-runs.js';
import type { OrganizationDeps } from './organization-source.js';

/** Activities of `organizationSync` that need the ledger alone: a run's beginning and its end. */
export function createOrganizationRunActivities({ ledger, log, metrics }: OrganizationDeps): OrganizationRunActivities {
  return {
    async beginResource(input) {
      const organization = await ledger.organizations.find(input.organization);
      if (!organization || organization.removedAt)
        return { go: false, message: `organization ${input.organization} is not configured` };
      await ledger.organizationRuns.begin(input);
      return { go: true };
    },

    async endResource({ failure, ...input }): Promise<OrganizationSyncOutcome> {
      const { organization, resource, mode, run: id } = input;
      const run = await ledger.organizationRuns.find(id);
      const aside = run && !run.dryRun ? await ledger.organizationRuns.countAside(organization, resource) : 0;
      const [result, message] = run ? resultOf(run, aside, failure) : (['failed', failure] as const);
      const isNews = await ledger.organizationRuns.end(id, result, message);
      if (run && isNews) {
        const { read, added, updated, unchanged, setAside, missing } = run;
        if (!run.dryRun) {
          metrics.syncRuns.inc({ kind: mode, scope: `${organization}/${resource}`, result });
          for (const [change, count] of Object.entries({ added, updated, unchanged, setAside, missing }))
            metrics.records.inc({ organization, resource, change }, count);
        }
        const drifted = Object.keys(run.drift).length > 0 ? { drift: run.drift } : {};
        const level = result === 'failed' || result === 'refused' ? 'warn' : 'info';
        log[level](
          {
            organization,
            resource,
            run: id,
            mode,
            result,
            read,
            added,
            updated,
            unchanged,
            setAside,
            missing,
            ...drifted,
          },
          message ?? 'sync ended',
        );
      }
      return { run: id, resource, result, message };
    },
  };
}

/** How a run ended, and why not simply well; `aside` records of the resource are set aside by now. */
function resultOf(
  run: OrganizationRun,
  aside: number,
  failure: string | undefined,
): [OrganizationSyncResult, string | undefined] {
  if (failure !== undefined) return ['failed', failure];
  if (run.held > 0)
    return [
      'refused',
      `${run.held} ${run.resource} that Classy does not show any more were not marked as missing: that is more than the guard allows. Look at Classy; if it is right, run it again with --confirm-missing`,
    ];
  const unstored = run.dryRun ? run.setAside : aside;
  if (unstored > 0) {
    const [records, are] = unstored === 1 ? ['1 record', 'is'] : [`${unstored} records`, 'are'];
    const next = run.dryRun
      ? ''
      : ` and ${are} read again by the next sync; see steward organization set-aside ${run.organization}`;
    return ['partly', `${records} could not be stored${next}`];
  }
  return ['done', undefined];
}
