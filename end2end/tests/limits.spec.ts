/** Files that are too large, and a server that dies in the middle. */

import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import type { Page } from '@playwright/test';
import { manifest, onDisk, upload } from '../fixture/files.ts';
import { ends, sent } from '../fixture/imports.ts';
import { test } from '../fixture/own.ts';
import { pause, until } from '../fixture/programs.ts';
import { expect } from '../fixture/test.ts';

test.describe.configure({ mode: 'serial' });

const GIB = 1024 ** 3;

/** The most memory that a process ever had, in MiB. */
function peak(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmHWM:\s+(\d+)/)?.[1]) / 1024;
}

test('2 GB are refused before they are sent, where the browser can tell', async ({ page }) => {
  await page.goto('/imports');
  await onDisk('huge.csv', 2 * GIB, async (path) => {
    await page.getByLabel('File', { exact: true }).setInputFiles(path);
    await expect(page.getByText('which is more than we take')).toBeVisible();
    await page.getByRole('button', { name: 'Send the file' }).click();
    await pause(500);
    await expect(page).toHaveURL(/\/imports$/);
  });
});

test('2 GB are refused by the server, and it stays small', async ({ own }) => {
  test.setTimeout(180_000);
  const devices = await own.api.count('');
  const before = peak(own.muster.program.pid);
  const begun = Date.now();
  const status = await pour(`${own.muster.url}/api/v1/imports`, own.api.token, 2 * GIB);
  expect(status).toBe(413);
  console.log(`2 GB refused after ${Date.now() - begun} ms; memory ${before} MiB before, ${peak(own.muster.program.pid)} after`);
  expect(peak(own.muster.program.pid) - before).toBeLessThan(100);
  expect(await own.api.count('')).toBe(devices);
});

/** Sends so many bytes, or as many as are taken, the way that curl does, and gives the answer's status. */
function pour(url: string, token: string, bytes: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'text/csv', 'content-length': bytes };
    let status: number | undefined;
    const options = { method: 'POST', headers: { ...headers, expect: '100-continue' }, rejectUnauthorized: false };
    const sending = request(url, options, (answer) => {
      status = answer.statusCode;
      resolve(status);
      sending.destroy();
    });
    // A connection that is closed after the answer is no failure.
    sending.on('error', (error) => (status ? resolve(status) : reject(error)));
    const block = Buffer.alloc(1024 * 1024, 'x,');
    let left = bytes;
    const more = (): void => {
      while (left > 0 && !status && !sending.destroyed) {
        left -= block.length;
        if (!sending.write(block)) {
          sending.once('drain', more);
          return;
        }
      }
      if (left <= 0) sending.end();
    };
    sending.once('continue', more);
    sending.flushHeaders();
  });
}

test('kill -9 in the middle of an import loses nothing and doubles nothing', async ({ page, own }) => {
  test.setTimeout(480_000);
  const devices = 20_000;
  const file = upload('killed.csv', manifest('KILL-1', devices));
  // Sent by a program: by the time that a page is drawn it may be over.
  const options = { headers: { 'content-type': 'text/csv' }, data: file.buffer };
  const taken = await own.api.context.post(`/api/v1/imports?file_name=${file.name}`, options);
  const path = `/imports/${((await taken.json()) as { id: string }).id}`;
  const applied = await until('rows are applied', async () => {
    const { rows_applied, state } = await own.api.get<{ rows_applied: number; state: string }>(path);
    expect(state, 'it was over before it could be killed').not.toBe('done');
    return rows_applied > 0 ? rows_applied : undefined;
  });
  await own.muster.killAndRestart();
  expect(applied).toBeLessThan(devices);

  await page.goto(path);
  await ends(page, 'Done', 240);
  expect(await exactly(page, 'batch:KILL-1')).toBe(devices);
  await sent(page, file, 'Done');
  await expect(page.getByText('Nothing new').first()).toBeVisible();
  expect(await exactly(page, 'batch:KILL-1')).toBe(devices);
  await page.goto('/audit');
  await page.getByRole('button', { name: 'Verify the chain' }).click();
  await expect(page.locator('.flash')).toContainText('unbroken');
});

/** How many different devices a query's table holds. */
async function exactly(page: Page, query: string): Promise<number> {
  const table = await (await page.request.get(`/devices/csv?q=${encodeURIComponent(query)}`)).text();
  return new Set(table.trim().split(/\r?\n/).slice(1).map((line) => line.split(',')[0])).size;
}
