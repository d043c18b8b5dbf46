import { type Command, InvalidArgumentError } from 'commander';
import { print, printJson, printTable, showTime } from '../output.js';
import { withSession } from '../session.js';

/** `steward site opted-out`. */
export function registerSiteOptedOut(site: Command): void {
  site
    .command('opted-out')
    .argument('<site>')
    .description(
      'members who opted out at the list: prints their e-mail addresses, so that Ghost can be brought in line',
    )
    .option(
      '--month <month>',
      'of this month, e.g. 2026-11, by the date of the list (default: the present one)',
      parseMonth,
    )
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      `
States: Unsubscribed (the person did), Bounced, Suppressed (suppression list of the client), Deleted (taken off in Campaign
Monitor, not by Steward). Steward subscribes none of them again. Only living members of the site are listed.`,
    )
    .action((name: string, { month = presentMonth(), json }: { month?: string; json: boolean }) =>
      withSession(async ({ ledger, site: findSite }) => {
        const { name: siteName, audience } = findSite(name);
        const [people, months] = await Promise.all([
          ledger.optOuts.ofMonth(siteName, audience, month),
          ledger.optOuts.byMonth(siteName, audience),
        ]);
        if (json) return printJson({ site: siteName, audience, month, people, months });
        if (people.length === 0) print(`No member of ${siteName} opted out at the list in ${month}.`);
        else
          printTable(
            ['ADDRESS', 'MEMBER', 'STATE', 'DATE (LIST CLOCK)', 'REASON', 'LEARNED'],
            people.map((one) => [
              one.address,
              one.memberId,
              one.state,
              one.listDate ?? '',
              one.reason ?? '',
              showTime(one.at),
            ]),
          );
        print();
        printTable(
          ['MONTH', 'UNSUBSCRIBED', 'BOUNCED', 'SUPPRESSED', 'DELETED'],
          months.map((one) => [one.month, one.unsubscribed, one.bounced, one.suppressed, one.deleted]),
        );
      }),
    );
}

const presentMonth = (): string => new Date().toISOString().slice(0, 7);

function parseMonth(value: string): string {
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(value)) throw new InvalidArgumentError('a month is 2026-11');
  return value;
}
