/**
 * One update from the pipeline to the field and back: CI pushes a release by its token, gates let it go on, an operator plans
 * waves, a manager approves them on a phone, virtual devices install the first wave, the second has a fault, the gate stops it by
 * itself, the manager takes it back, and the devices that had it say so.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from '@playwright/test';
import { sent } from '../fixture/imports.ts';
import { upload } from '../fixture/files.ts';
import { flash, unfold } from '../fixture/hands.ts';
import { looksGood } from '../fixture/looks.ts';
import { PROGRAM, type Role } from '../fixture/muster.ts';
import { Pipeline } from '../fixture/pipeline.ts';
import { Program } from '../fixture/programs.ts';
import { expect, test } from '../fixture/test.ts';
import type { World } from '../fixture/world.ts';

const [MODEL, BATCH, FACTORY, PRODUCT] = ['SIM-10', '2026-11-SIM', 'brno-1', 'sim-os'];
const HEADER = 'serial,model,hardware_revision,batch,factory,factory_name,made_at,firmware,board\n';

/** The devices: four of revision A, and six of revision C, on which 2.0.0 fails. */
const SERIALS = ['A', 'A', 'A', 'A', 'C', 'C', 'C', 'C', 'C', 'C'].map((revision, n) => `SIM${revision}-${100 + n}`);

function manifest(): string {
  const row = (serial: string): string =>
    `${serial},${MODEL},${serial[3]},${BATCH},${FACTORY},Brno-1,2026-11-02T08:26:00Z,1.0.0,B-${serial}\n`;
  return HEADER + SERIALS.map(row).join('');
}

/** A phone of somebody, with a script or without. */
async function phone(browser: Browser, { demo }: World, role: Role, javaScriptEnabled: boolean): Promise<Page> {
  const context = await browser.newContext({
    baseURL: demo.url,
    storageState: demo.sessions[role],
    ignoreHTTPSErrors: true,
    javaScriptEnabled,
    viewport: { width: 390, height: 844 },
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
  context.setDefaultTimeout(10_000);
  return context.newPage();
}

/** Posts a form as whoever's page it is, as the page itself would. */
async function post(page: Page, path: string, form: Record<string, string>): Promise<Buffer> {
  const answer = await page.request.post(path, { form, maxRedirects: 0 });
  expect(answer.status(), `${path}: ${answer.status() < 400 ? '' : await answer.text()}`).toBeLessThan(400);
  return answer.body();
}

/** The manager approves what waits under this title. */
async function approve(manager: Page, title: RegExp | string): Promise<void> {
  await manager.goto('/approvals');
  await manager.getByRole('link', { name: title }).first().click();
  await manager.getByRole('button', { name: 'Approve', exact: true }).click();
  await expect(flash(manager)).toBeVisible();
}

/** Reloads until it is shown: a device comes when it comes. */
async function appears(page: Page, what: () => Promise<void>): Promise<void> {
  await expect(async () => {
    await page.reload();
    await what();
  }).toPass({ timeout: 60_000 });
}

/** A batch with devices, an authority that signs for it, and a station that enrols them, polling every two seconds. */
async function factory(page: Page, admin: Page, manager: Page, pipeline: Pipeline): Promise<string> {
  await sent(page, upload('sim.csv', manifest()), 'Done');
  await admin.goto(`/models/${MODEL}`);
  await admin.getByLabel('Seconds between two polls').fill('2');
  await admin.locator('form', { has: admin.getByLabel('Seconds between two polls') }).getByRole('button', { name: 'Save' }).click();
  await expect(flash(admin)).toContainText('Saved');
  const name = `Batch ${BATCH}`;
  await post(admin, '/authorities', { kind: 'batch', name, batch: BATCH, factory: '', quota: '', days: '', key: '' });
  await approve(manager, new RegExp(BATCH));
  const station = await post(page, `/custodians/${FACTORY}/stations`, { station: 'Line of virtual devices', csr: '' });
  return pipeline.unpack(station, 'station');
}

/** The pipeline's certificate, asked for by an operator and approved by the manager; and its token. */
async function connect(page: Page, manager: Page, pipeline: Pipeline, { demo }: World, station: string): Promise<void> {
  const csr = await pipeline.request('sim-os builds');
  await page.goto(`/authorities/${demo.facts.operations}`);
  await unfold(page, 'Request a certificate for a pipeline');
  await page.getByLabel('Pipeline').fill('sim-os builds');
  await page.getByLabel('Certificate request, as PEM').fill(csr);
  await page.getByRole('button', { name: 'Ask for approval' }).click();
  await expect(flash(page)).toBeVisible();
  await approve(manager, /sim-os builds/);
  await page.goto('/certificates?purpose=code_signing');
  const link = page.getByRole('row', { name: /sim-os builds/ }).getByRole('link').first();
  const certificate = await page.request.get(`${await link.getAttribute('href')}/certificate.pem`);
  pipeline.write('signing.pem', await certificate.body());
  pipeline.write('ca.pem', readFileSync(join(station, 'ca.pem')));
  pipeline.write('token', `${demo.credentials.api_token}\n`);
}

/** What a release of the model must have passed. */
async function rules(admin: Page): Promise<void> {
  await post(admin, `/models/${MODEL}/stages`, { stage: 'staging', checks: 'unit', soak_hours: '0', verified: '0' });
  const production = { stage: 'production', checks: 'unit, hil', soak_hours: '0', verified: '0', second_person: 'yes' };
  await post(admin, `/models/${MODEL}/stages`, production);
}

test.describe('an update', () => {
  test.use({ role: 'operator' });

  test('goes from the pipeline to the field in waves, is stopped by its gate, and taken back', async ({
    page,
    as,
    browser,
    shared,
    complaints,
  }) => {
    test.setTimeout(240_000);
    const pipeline = new Pipeline();
    const [admin, manager] = [await as('admin'), await phone(browser, shared, 'manager', true)];
    const withoutScript = await phone(browser, shared, 'manager', false);
    let devices: Program | undefined;
    try {
      const station = await factory(page, admin, manager, pipeline);
      await connect(page, manager, pipeline, shared, station);
      await rules(admin);

      // CI pushes both releases by its token; a gate that is not met says what is missing.
      const release = (args: string[]): Promise<string> => pipeline.release(shared.demo.url, args);
      for (const version of ['1.0.0', '2.0.0']) {
        const named = ['--product', PRODUCT, '--version', version];
        const told = await release(['push', await pipeline.image(version, ['A', 'C']), ...named, '--model', MODEL]);
        expect(told).toContain(`${PRODUCT} ${version} is pushed, in dev`);
        await expect(release(['promote', ...named, '--to', 'staging'])).rejects.toThrow(/“unit” was not reported yet/);
        await release(['check', ...named, '--name', 'unit', '--state', 'passed']);
        await release(['promote', ...named, '--to', 'staging']);
        await release(['check', ...named, '--name', 'hil', '--state', 'passed']);
        await release(['promote', ...named, '--to', 'production', '--reason', 'Hardware in the loop is green']);
        await approve(manager, `${PRODUCT} ${version} into production`);
        await page.goto(told.match(/https:\S+\/releases\/\S+/)?.[0] ?? '');
        await expect(page.getByRole('heading', { level: 1 })).toContainText(`${PRODUCT} ${version}`);
        await expect(page.locator('.head .badge')).toContainText('Production');
      }

      // Virtual devices, enrolled by the station: on revision C, 2.0.0 fails.
      const at = ['--gateway', shared.demo.credentials.gateway, '--station', station, '--batch', BATCH];
      const how = ['--folder', pipeline.file('devices'), '--runs', '1.0.0', '--fault', 'fail=17,serial=SIMC-*,version=2.0.0'];
      devices = new Program(PROGRAM, ['simulate', ...at, ...how, ...SERIALS]);
      await devices.says(/10 devices come to/);

      // The operator plans two waves.
      await page.goto('/rollouts/new');
      await page.getByLabel('Name', { exact: true }).first().fill('Sim to 2.0.0');
      const option = page.getByLabel('Release', { exact: true }).locator('option', { hasText: `${PRODUCT} 2.0.0` });
      await page.getByLabel('Release', { exact: true }).selectOption(await option.getAttribute('value'));
      await page.getByLabel('Devices, as a fleet query').fill(`model:${MODEL}`);
      await page.getByRole('button', { name: 'Take wave 3 away' }).click();
      await wave(page, 1, { Name: 'Revision A', 'Counted as': 'those of a query', Size: 'rev:A' });
      await wave(page, 2, { Name: 'Revision C', 'Counted as': 'all that are left', Size: '' });
      await page.getByLabel('Verified after').fill('0 min');
      await page.getByLabel('Silent after').fill('10 min');
      await page.getByLabel('Tries after a failure').fill('0');
      const back = page.getByLabel('Release to go back to').locator('option', { hasText: `${PRODUCT} 1.0.0` });
      await page.getByLabel('Release to go back to').selectOption(await back.getAttribute('value'));
      await page.getByRole('button', { name: 'Who would that be?' }).click();
      await expect(page.getByText('Every device of the target is in a wave.')).toBeVisible();
      await page.getByRole('button', { name: 'Save the draft' }).click();
      await expect(flash(page)).toContainText('Kept as a draft');
      await page.getByRole('button', { name: 'Submit for approval' }).click();
      await expect(flash(page)).toContainText('Its devices are frozen');
      const here = page.url();

      // A manager approves on a phone, and a phone without a script shows and does the same.
      await approve(withoutScript, /Sim to 2\.0\.0/);
      await manager.goto(here);
      await expect(manager.locator('.head .badge')).toContainText('Running');

      // The first wave installs and is verified; the second fails, and the gate stops it by itself.
      await devices.says(/SIMA-103: runs 2\.0\.0/);
      const [, failed = ''] = await devices.says(/(SIMC-\d+): failed to install 2\.0\.0/);
      await appears(page, () => expect(page.locator('.head .badge')).toContainText('Stopped by gate', { timeout: 500 }));
      const waves = page.getByRole('list', { name: 'Waves' }).getByRole('listitem');
      await expect(waves.first()).toContainText('4 verified');
      await expect(page.getByText('Its gate stopped it.')).toBeVisible();
      await expect(page.getByText('Installation failed with code 17.').first()).toBeVisible();
      await expect(page.getByText(/\d revision C\./).first()).toBeVisible();
      await looksGood(page, 'a rollout that its gate stopped');
      await page.setViewportSize({ width: 1280, height: 800 });

      // The manager takes it back, on the phone.
      await manager.goto(here);
      await manager.getByRole('button', { name: 'Abort and revert' }).click();
      await expect(manager.locator('.head .badge')).toContainText('Aborted');
      await devices.says(/SIMA-103: runs 1\.0\.0/);
      await appears(page, async () => {
        await expect(page.getByRole('row', { name: /Taken back/ })).toContainText('4 of 4', { timeout: 500 });
      });

      // What the devices' own pages tell of it.
      await page.goto(`/devices/${SERIALS[0]}?tab=history`);
      const story = page.locator('#history .tl');
      await expect(story).toContainText('1.0.0 to 2.0.0');
      await expect(story).toContainText('2.0.0 to 1.0.0');
      await page.goto(`/devices/${failed}?tab=history`);
      await expect(page.locator('#history .tl')).toContainText('2.0.0 failed');
      await expect(page.locator('#history .tl')).toContainText('Installation failed with code 17.');
    } finally {
      await devices?.stop();
      await manager.context().close();
      await withoutScript.context().close();
      await pipeline.end();
    }
    expect(complaints).toEqual([]);
  });
});

/** Fills the fields of a wave, and a gate that opens and stops quickly. */
async function wave(page: Page, n: number, fields: { Name: string; 'Counted as': string; Size: string }): Promise<void> {
  const group = page.getByRole('group', { name: `Wave ${n}` });
  await group.getByLabel('Name').fill(fields.Name);
  await group.getByLabel('Counted as').selectOption({ label: fields['Counted as'] });
  await group.getByLabel('Size').fill(fields.Size);
  await group.getByLabel('Open at least').fill('0 min');
  await group.getByLabel('Outcome known, %').fill('100');
  await group.getByLabel('Of at least').fill('3');
  await group.getByLabel('Failed at most, %').fill('20');
}
