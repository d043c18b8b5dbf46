import type { Command } from 'commander';
import { print, printJson, printTable } from '../output.js';
import { loadSituation } from '../session.js';
import { registerSiteOptedOut } from './site-opted-out.js';
import { registerSitePlan } from './site-plan.js';
import { registerSiteRuns } from './site-runs.js';
import { registerSiteShow } from './site-show.js';
import { registerSiteSync } from './site-sync.js';

/** `steward site list`, and the other commands of sites. */
export function registerSite(program: Command): void {
  const site = program.command('site').description('Ghost sites: whether their lists are true, and syncs');
  site
    .command('list')
    .description('the configured sites, their lists and webhook addresses')
    .option('--json', 'print JSON', false)
    .action(async ({ json }: { json: boolean }) => {
      const { config, run } = await loadSituation();
      const base = run?.httpUrl ?? `http://${config.http.host}:${config.http.port}`;
      const sites = config.sites.map(({ name, audience, ghost, onDelete, onEmailDisabled, consentToTrack }) => ({
        name,
        audience,
        ghostUrl: ghost?.url ?? null,
        reads: ghost ? 'webhooks and Admin API' : 'webhooks only',
        onDelete,
        onEmailDisabled,
        consentToTrack,
        webhook: `${base}/webhook/ghost/${name}`,
      }));
      if (json) return printJson(sites);
      if (sites.length === 0) return print('No site is configured. Copy .env.example to .env and fill in SITE1_…');
      printTable(
        ['SITE', 'LIST', 'READS', 'DELETED', 'NO NEWSLETTER', 'WEBHOOK'],
        sites.map((one) => [one.name, one.audience, one.reads, one.onDelete, one.onEmailDisabled, one.webhook]),
      );
    });
  registerSiteShow(site);
  registerSiteSync(site);
  registerSitePlan(site);
  registerSiteRuns(site);
  registerSiteOptedOut(site);
}
