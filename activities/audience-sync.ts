import type {
  AudienceSyncActivities,
  AudienceSyncBeginning,
  AudienceSyncInput,
} from '../src/contract/audience-sync.js';
import { ABSENT } from '../src/domain/plan-contact.js';
import { AudienceMisconfigured } from './audience-target.js';
import { beat } from './beating.js';
import { compareAudience } from './compare-audience.js';
import { currentRun, type SyncActivityDeps } from './sync-run.js';
import { takeOff } from './take-off.js';

/** What the activities of `audienceSync` work with. */
export interface AudienceSyncDeps extends SyncActivityDeps {
  /** Everything in an audience is read at least this often, in milliseconds; in between, what changed. */
  audienceFullMs: number;
  /** Adds up what the donors of an organization's audience have given. */
  reckon(organization: string): Promise<{ donors: number }>;
}

/** Activities of `audienceSync` that no sync of a site has. */
export function createAudienceSyncActivities(deps: AudienceSyncDeps): AudienceSyncActivities {
  const { ledger } = deps;
  return {
    beginAudienceSync: (input) => beginAudienceSync(deps, input),
    compareAudience: (input) => compareAudience(deps, input),

    async reckonDonors(input) {
      const { run, people } = await currentRun(deps, input);
      const organization = run.site.slice(run.site.indexOf('/') + 1);
      const beating = beat(deps.stopping, {});
      try {
        await ledger.runs.progress(input.run, { phase: 'adding up' });
        const { donors } = await deps.reckon(organization);
        await ledger.runs.progress(input.run, { read: donors });
        deps.log.debug({ scope: people.scope, donors }, 'donors are added up');
      } finally {
        beating.stop();
      }
    },

    async removeWithdrawn(input) {
      const current = await currentRun(deps, input);
      const { audience } = current;
      const approved = input.mode === 'apply';
      return takeOff(deps, input, current, {
        doubt: ({ run: { read, living } }) =>
          input.mode !== 'apply' && living > 0 && read * 2 <= living
            ? `the ledger has ${read} donors where it had ${living}`
            : undefined,
        advice: (plan) =>
          `Look at it with steward audience plan ${plan}; if it is right: steward audience apply ${plan}`,
        mark: (items) =>
          ledger.plans.mark(
            audience,
            input.run,
            items.map(({ address }) => ({ address, planHash: ABSENT, approved })),
          ),
      });
    },
  };
}

/** Decides whether a run goes ahead, and how: the first one is started by a person (house decision 18). */
async function beginAudienceSync(deps: AudienceSyncDeps, input: AudienceSyncInput): Promise<AudienceSyncBeginning> {
  const { ledger, audienceOf } = deps;
  const refused = (message: string): AudienceSyncBeginning => ({ go: false, result: 'refused', message });
  try {
    const target = await audienceOf(input.audience);
    if (!target) return refused(`audience ${input.audience} is not configured`);
    const people = await target.people();
    await ledger.audiences.ensure(target.place);
    const isAdopted = await ledger.runs.isAdopted(input.audience);
    const isFirst = !isAdopted && input.by === 'command';
    if (input.mode !== 'apply') {
      const mode = await modeOf(deps, input);
      const how = { marks: isAdopted || isFirst, first: isFirst, quiet: isFirst && !input.fast };
      await ledger.runs.begin({ ...input, mode }, people, input.audience, how);
      return { go: true };
    }
    const plan = await ledger.runs.openPlan(input.plan!);
    const isOurs = plan?.site === people.scope && plan.audience === input.audience;
    if (!isOurs && !(await ledger.runs.find(input.run)))
      return refused(
        `plan ${input.plan} cannot be applied: it was applied, replaced, is older than a day, or is another audience's`,
      );
    const first = !isAdopted && plan?.first === true && plan.untilId === null;
    await ledger.runs.begin(input, people, input.audience, { marks: true, first, quiet: !isAdopted && !input.fast });
    return { go: true };
  } catch (error) {
    if (error instanceof AudienceMisconfigured) return refused(error.message);
    throw error;
  }
}

/** What was never read, or not for a day, is read whole. */
async function modeOf(
  { ledger, audienceFullMs }: AudienceSyncDeps,
  { audience, mode }: AudienceSyncInput,
): Promise<AudienceSyncInput['mode']> {
  if (mode !== 'incremental') return mode;
  const last = await ledger.runs.lastFullReading(audience);
  const now = await ledger.walks.now();
  return last && now.getTime() - last.getTime() < audienceFullMs ? 'incremental' : 'full';
}
