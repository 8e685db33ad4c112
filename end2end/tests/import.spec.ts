/** Files come in through the page, and go out again as GS1 wants them. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { objections, type EpcisDocument } from '../fixture/epcis.ts';
import { HEADER, manifest, onDisk, upload } from '../fixture/files.ts';
import { ends, send, sent } from '../fixture/imports.ts';
import { looksGood } from '../fixture/looks.ts';
import { GS1 } from '../fixture/muster.ts';
import { test } from '../fixture/own.ts';
import { expect } from '../fixture/test.ts';

test.describe.configure({ mode: 'serial' });

test('the first manifest is tried, then imported, with progress', async ({ page, own }) => {
  const file = upload('ten-thousand.csv', manifest('2026-10K', 10_000));
  await sent(page, file, 'Checked only', { mode: 'try' });
  await expect(page.getByText('10,000 devices would be added').first()).toBeVisible();
  expect(await own.api.count('batch:2026-10K')).toBe(0);

  await send(page, file);
  // By the time that the page is drawn it may be over; with the hundred thousand below it is not.
  const over = page.locator('h1 .badge', { hasText: 'Done' });
  await expect(page.getByRole('progressbar').or(over).first()).toBeVisible();
  await ends(page, 'Done', 120);
  await expect(page.getByText('10,000 devices added to batch').first()).toBeVisible();
  expect(await own.api.count('batch:2026-10K')).toBe(10_000);
  await looksGood(page, 'import that is done');

  await sent(page, file, 'Done');
  await expect(page.getByText('Nothing new').first()).toBeVisible();
  expect(await own.api.count('batch:2026-10K')).toBe(10_000);
  await page.goto('/imports');
  const mine = page.getByRole('region', { name: 'Imports' }).getByRole('row', { name: /ten-thousand/ });
  await expect(mine).toHaveCount(3);
});

// What comes after builds on it, so that it is tried on both databases.
test.describe('where no script runs', () => {
  test.use({ javaScriptEnabled: false });

  test('a manifest is imported, and its template is a manifest', async ({ page, own }) => {
    await page.goto('/imports');
    const arriving = page.waitForEvent('download');
    await page.getByRole('link', { name: 'CSV template' }).click();
    const template = Buffer.concat(await (await (await arriving).createReadStream()).toArray());
    await sent(page, upload('template.csv', template), 'Done');
    expect(await own.api.count('batch:2025-11-A')).toBe(2);
    await page.goto('/devices/GW2C-2511-04217');
    await expect(page.getByText('86 194105 033718 0')).toBeVisible();
  });
});

test('GS1\'s examples are read, and what they speak of is taken', async ({ page, own }) => {
  const examples = ['Example_9.6.1-ObjectEvent', 'Example_9.6.3-AggregationEvent', 'AssociationEvent-a', 'AssociationEvent-b'];
  for (const example of examples) {
    await sent(page, join(GS1, `${example}.jsonld`), 'Done');
    await expect(page.getByText(/that is known here/).first()).toBeVisible();
    await expect(page.getByRole('heading', { name: 'What was left out, and why' })).toBeVisible();
    await expect(page.getByRole('cell', { name: /urn:epc:id:(sgtin|grai|sgln|sscc)/ }).first()).toBeVisible();
  }
  await looksGood(page, 'import that left something out');

  const sgtins = `${HEADER.trim()},sgtin\n`
    + ['2017', '2018'].map((serial) => `${serial},Crate,A,ACME-1,acme,ACME,2004-01-01,,,,B-${serial},,,0614141.107346\n`).join('');
  await sent(page, upload('crates.csv', sgtins), 'Done');
  await sent(page, join(GS1, `${examples[0]}.jsonld`), 'Done');
  await expect(page.getByText(/Read 2 events: 3 history entries/).first()).toBeVisible();
  await sent(page, join(GS1, `${examples[1]}.jsonld`), 'Done');
  await expect(page.getByText(/Read 1 event: 2 history entries/).first()).toBeVisible();
  await sent(page, join(GS1, `${examples[0]}.jsonld`), 'Done');
  await expect(page.getByText(/3 known already/).first()).toBeVisible();

  const document = await own.api.get<EpcisDocument>('/devices/2018/epcis');
  expect(objections(document)).toEqual([]);
  const given = (name: string): EpcisDocument => JSON.parse(readFileSync(join(GS1, `${name}.jsonld`), 'utf8')) as EpcisDocument;
  for (const event of [examples[0], examples[1]].flatMap((name) => given(name ?? '').epcisBody.eventList)) {
    const back = document.epcisBody.eventList.find((one) => one.eventID === event.eventID);
    expect(back, 'an imported event is given back as it came').toMatchObject(event);
  }
  expect(objections(await own.api.get('/batches/ACME-1/epcis'))).toEqual([]);
  await page.goto('/devices/2018?tab=history');
  await expect(page.getByText('3 Apr 2005').or(page.getByText('4 Apr 2005')).first()).toBeVisible();
});

test('what is exported is known again', async ({ page, own }) => {
  const answer = await own.api.raw('/batches/2025-11-A/epcis');
  const document = (await answer.json()) as EpcisDocument;
  expect(objections(document)).toEqual([]);
  await sent(page, upload('back.jsonld', JSON.stringify(document)), 'Done');
  await expect(page.getByText(/known already|Nothing new/).first()).toBeVisible();
});

test('100,000 devices are imported, and each can be exported', async ({ page, own, shared }) => {
  test.skip(shared.database !== 'sqlite', 'Once is enough; 10,000 were imported here as well.');
  test.setTimeout(400_000);
  await onDisk('hundred-thousand.csv', manifest('2026-100K', 100_000), async (path) => {
    await send(page, path);
    await expect(page.getByRole('progressbar')).toBeVisible({ timeout: 30_000 });
    await ends(page, 'Done', 330);
  });
  await expect(page.getByText('100,000 devices added to batch').first()).toBeVisible();
  await page.goto('/devices?q=batch:2026-100K');
  await expect(page.getByText(/More than 10,000|100,000 devices/).first()).toBeVisible();
  const document = await own.api.get<EpcisDocument>('/devices/2026-100K-077777/epcis');
  expect(objections(document)).toEqual([]);
  expect(document.epcisBody.eventList.length).toBeGreaterThan(1);
});
