/** What is wrong is refused in words that help, and leaves nothing behind. */

import { manifest, HEADER, row, upload } from '../fixture/files.ts';
import { sent } from '../fixture/imports.ts';
import { looksGood } from '../fixture/looks.ts';
import { test } from '../fixture/own.ts';
import { expect } from '../fixture/test.ts';

test.describe.configure({ mode: 'serial' });

const GOOD = 'GOOD-1';
const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex');

/** A good row with one thing changed. */
const bent = (n: number, from: string | RegExp, to: string): string => HEADER + row('BENT-1', n).replace(from, to);

test('a good manifest comes first', async ({ page, own }) => {
  await sent(page, upload('good.csv', manifest(GOOD, 20)), 'Done');
  expect(await own.api.count(`batch:${GOOD}`)).toBe(20);
});

const REFUSED: Array<[what: string, name: string, content: string | Buffer, says: RegExp]> = [
  ['a picture', 'photo.csv', PNG, /not text but a picture/],
  ['an Excel workbook', 'book.csv', Buffer.from('PK\x03\x04\x14\x00\x06\x00'), /Excel workbook/],
  ['a web page', 'page.csv', '<!DOCTYPE html><title>Sign in</title>', /web page/],
  ['an empty file', 'empty.csv', '', /empty/],
  ['a wrong column', 'columns.csv', `${HEADER.replace('serial', 'seriel')}${row('BENT-1', 1)}`, /did you mean “serial”/],
  ['a missing column', 'lacks.csv', 'serial,model\nA-1,TX\n', /lacks .*batch/],
  ['Latin-1', 'latin1.csv', Buffer.from(bent(1, 'Brno Works', 'Brünn'), 'latin1'), /Latin-1/],
  ['a date in 2106', 'future.csv', bent(1, '2025-11-02', '2106-02-07'), /2106.* lies in the future/],
  ['a stolen serial', 'stolen.csv', bent(1, 'BENT-1-000001,', `${GOOD}-000007,`), new RegExp(GOOD)],
  ['a part of another device', 'part.csv', bent(1, 'C-BENT-1-000001', `C-${GOOD}-000003`), new RegExp(`fitted in ${GOOD}-000003`)],
  ['a part twice', 'twice.csv', bent(1, '', '') + row('BENT-1', 2).replace('B-BENT-1-000002', 'B-BENT-1-000001'), /line 2 already/],
  ['a serial twice', 'serials.csv', bent(1, '', '') + row('BENT-1', 2).replace('BENT-1-000002,', 'BENT-1-000001,'), /stands on line 2/],
  ['HTML as a serial', 'html.csv', bent(1, 'BENT-1-000001,', '<script>alert(1)</script>,'), /serial/i],
  ['broken JSON', 'broken.jsonld', '{"type":"EPCISDocument"', /JSON/],
];

for (const [what, name, content, says] of REFUSED) {
  test(`${what} is refused`, async ({ page, own }) => {
    page.on('dialog', () => expect.soft(what, 'must not run anything').toBe(''));
    const devices = await own.api.count('');
    await sent(page, upload(name, content), 'Refused');
    await expect(page.getByRole('main')).toContainText(says);
    await expect(page.getByRole('main')).toContainText(/[Nn]othing was (changed|imported)/);
    expect(await own.api.count('')).toBe(devices);
    expect(await own.api.count('batch:BENT-1')).toBe(0);
  });
}

test('a report of what is wrong can be downloaded, and good rows can be taken alone', async ({ page, own }) => {
  const file = upload('mixed.csv', bent(1, '2025-11-02', '2106-02-07') + row('BENT-1', 2) + row('BENT-1', 3));
  await sent(page, file, 'Refused');
  await expect(page.getByText('1 of 3 rows are bad').first()).toBeVisible();
  await looksGood(page, 'refused import');
  const arriving = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Problems as CSV' }).click();
  const report = Buffer.concat(await (await (await arriving).createReadStream()).toArray()).toString();
  expect(report).toMatch(/^line,column,severity,code,message\r\n2,made_at,bad,time_range,/);
  await sent(page, file, 'Done', { skip: true });
  expect(await own.api.count('batch:BENT-1')).toBe(2);
});

test('UTF-16 is read as what it is', async ({ page, own }) => {
  const text = `\ufeff${HEADER}${row('WIDE-1', 1).replace('Brno Works', 'Grüße aus Łódź')}`;
  await sent(page, upload('wide.csv', Buffer.from(text, 'utf16le')), 'Done');
  expect(await own.api.count('batch:WIDE-1')).toBe(1);
});

test('HTML and SQL in every field stay text', async ({ page, own }) => {
  page.on('dialog', () => expect.soft('a dialog', 'nothing may run').toBe(''));
  const html = `<img src=x onerror=alert(1)>`;
  const sql = `x'; DROP TABLE device;--`;
  const cells = [
    'ODD-1', `${html}m`, sql, `${html}b`, 'oddworks', `<b>${sql}</b>`, '2025-11-02', `<i>1.0</i>`,
    `${html}|${sql}|<u>id</u>`, `=cmd()|<s>|"><script>alert(2)</script>`, '', '', '',
  ];
  const line = cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',');
  await sent(page, upload('<b>odd.csv', `${HEADER}${line}\n`), 'Done');
  await expect(page.getByRole('heading', { level: 1 })).toContainText('<b>odd.csv');
  await page.goto('/devices/ODD-1');
  const main = page.getByRole('main');
  for (const text of [`${html}m`, sql, `${html}b`, `<i>1.0</i>`, '<u>id</u>', '"><script>alert(2)</script>']) {
    await expect(main).toContainText(text);
  }
  await expect(main.locator('img, script, u, s')).toHaveCount(0);
  for (const path of ['/', '/devices', '/batches', '/factories', '/custodians', '/imports', '/audit']) {
    expect((await page.goto(path))?.status(), path).toBe(200);
    await expect(main.locator('img, script')).toHaveCount(0);
  }
  await page.goto(`/batches/${encodeURIComponent(`${html}b`)}`);
  await expect(page.getByRole('heading', { level: 1 })).toContainText(`${html}b`);
  await page.goto('/devices');
  for (const text of [`model:"${html}m"`, `"${sql.replaceAll('"', '\\"')}"`, html, sql]) {
    await page.getByLabel('Fleet query').fill(text);
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Devices');
    await expect(main.locator('img, script')).toHaveCount(0);
  }
  expect(await own.api.count('serial:ODD-1')).toBe(1);
  const report = await page.request.get('/devices/csv?q=serial:ODD-1');
  expect(await report.text()).not.toMatch(/(^|,)"?[=+@]/m);
});

test('a query of 10,000 characters is refused at once', async ({ page }) => {
  const address = `/devices?q=${'model:x '.repeat(1_250).trim()}`;
  const answer = await page.goto(address);
  expect(answer?.status()).toBe(422);
  await expect(page.getByRole('alert')).toContainText('at most 2000 characters');
  // The server alone: how long a browser takes to draw says nothing of it.
  const begun = Date.now();
  expect((await page.request.get(address)).status()).toBe(422);
  expect(Date.now() - begun).toBeLessThan(5_000);
  const api = await page.request.get(`/devices?q=${'('.repeat(7_000)}`);
  expect(api.status()).toBe(422);
});
