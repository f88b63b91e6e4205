import { Option } from '@commander-js/extra-typings'
import { acquisitionStatuses, acquisitionTriggers } from 'hotwell'
import { type HistoryFilter, historyRequests } from '../client/history-requests.ts'
import { serverClient } from '../client/server-client.ts'
import { CommandFailure, exitCodes } from './exit-codes.ts'
import { historyTable, statisticsReport } from './history-report.ts'
import { past } from './instant.ts'
import { print, printJson } from './output.ts'
import { clientCommand } from './server-options.ts'
import { wholeNumber } from './whole-number.ts'

const largestPage = 500

/** `hotwell history`: past acquisitions, newest first, or what they come to. */
export const historyCommand = () =>
  clientCommand('history')
    .summary('look at past acquisitions')
    .description('Lists past acquisitions, newest first; with --statistics what they come to by status, site and day.')
    .option('--site <site>', 'only this site: the name of the provider')
    .option('--account <account>', 'only this account: the subject of the ref')
    .option('--kind <kind>', 'only tokens of this kind')
    .addOption(new Option('--status <status>', 'only those that ended so').choices(acquisitionStatuses))
    .addOption(new Option('--trigger <trigger>', 'only those made because of this').choices(acquisitionTriggers))
    .option('--from <instant>', 'finished from then on: 2026-11-21T08:30:00Z, or 30m, 12h, 7d ago', past)
    .option('--to <instant>', 'finished before then', past)
    .option('--limit <number>', 'so many on a page (default: 50, with --all 500)', wholeNumber(1, largestPage))
    .addOption(new Option('--cursor <cursor>', 'the page that an earlier one named').conflicts('all'))
    .option('--all', 'every page')
    .addOption(
      new Option('--statistics', 'what the acquisitions come to').conflicts([
        ...['kind', 'status', 'trigger', 'from', 'to', 'limit', 'cursor', 'all'],
      ]),
    )
    .addOption(
      new Option('--days <number>', 'so many days back, for --statistics (default: 7)').argParser(wholeNumber(1, 90)),
    )
    .addHelpText(
      'after',
      `
Examples:
  $ hotwell history --site court_zxfw --from 2h
  $ hotwell history --status credential_error --all --json | jq -r '.records[].ref' | sort | uniq -c
  $ hotwell history --statistics --days 30 --site court_zxfw`,
    )
    .action(async ({ url, json, statistics, days, all, ...filter }) => {
      const requests = historyRequests(serverClient({ url }))
      if (statistics) {
        const { site, account } = filter
        const found = await requests.statistics({ days, site, account })
        return json ? printJson(found) : print(statisticsReport(found))
      }
      if (days !== undefined) {
        throw new CommandFailure(`--days belongs to --statistics; say --from ${days}d.`, exitCodes.usage)
      }
      const search = (cursor?: string) => requests.search({ ...filter, limit: filter.limit ?? largestPage, cursor })
      if (all) return json ? printAllJson(search) : printAll(search)
      const page = await requests.search(filter)
      if (json) return printJson(page)
      print(historyTable(page.records))
      if (page.nextCursor) print(`\nThere are older ones: hotwell history ${again(filter)}--cursor ${page.nextCursor}`)
    })

type Search = (cursor?: string) => ReturnType<ReturnType<typeof historyRequests>['search']>

async function printAll(search: Search): Promise<void> {
  let page = await search()
  print(historyTable(page.records))
  while (page.nextCursor) {
    page = await search(page.nextCursor)
    if (page.records.length > 0) print(historyTable(page.records))
  }
}

/** The same form as one page has; written page by page, since a history may be larger than memory. */
async function printAllJson(search: Search): Promise<void> {
  process.stdout.write('{\n  "records": [')
  let separator = '\n'
  for (let page = await search(); ; page = await search(page.nextCursor)) {
    for (const record of page.records) {
      process.stdout.write(`${separator}    ${JSON.stringify(record)}`)
      separator = ',\n'
    }
    if (!page.nextCursor) break
  }
  print('\n  ]\n}')
}

function again({ cursor: _old, ...filter }: HistoryFilter): string {
  return Object.entries(filter)
    .map(([name, value]) => `--${name} ${quoted(String(value))} `)
    .join('')
}

function quoted(text: string): string {
  return /^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
