/**
 * One update from the pipeline to the field and back: CI pushes a release by its token, gates let it go on, an operator plans
 * waves, a manager approves them on a phone, virtual devices install the first wave, the second has a fault, the gate stops it by
 * itself, the manager takes it back, and the devices that had it say so.
 */

import type { Page } from '@playwright/test';
import { flash } from '../fixture/hands.ts';
import { looksGood } from '../fixture/looks.ts';
import { PROGRAM } from '../fixture/muster.ts';
import { Pipeline } from '../fixture/pipeline.ts';
import { Program } from '../fixture/programs.ts';
import { appears, approve, connect, factory, phone, rules, type Lot } from '../fixture/story.ts';
import { expect, test } from '../fixture/test.ts';

/** Ten devices, on six of which, of revision C, 2.0.0 fails. */
function lot(retry: number): Lot {
  const serials = [...'AAAACCCCCC'].map((revision, n) => `SIM${revision}-${retry}${100 + n}`);
  return { model: `SIM-${10 + retry}`, batch: `2026-11-SIM${retry}`, product: `sim-os-${retry}`, serials, poll: 2 };
}

test.describe('an update', () => {
  test.use({ role: 'operator' });

  test('goes from the pipeline to the field in waves, is stopped by its gate, and taken back', async ({
    page,
    as,
    browser,
    shared,
    complaints,
  }, testInfo) => {
    test.setTimeout(240_000);
    const [pipeline, names, rollout] = [new Pipeline(), lot(testInfo.retry), `Sim ${testInfo.retry} to 2.0.0`];
    const { model, batch, product, serials } = names;
    const [admin, manager] = [await as('admin'), await phone(browser, shared, 'manager', true)];
    const withoutScript = await phone(browser, shared, 'manager', false);
    let devices: Program | undefined;
    try {
      const station = await factory(names, page, admin, manager, pipeline);
      await connect(names, page, manager, pipeline, shared);
      await rules(names, admin);

      // CI pushes both releases by its token; a gate that is not met says what is missing.
      const release = (args: string[]): Promise<string> => pipeline.release(shared.demo.url, args);
      for (const version of ['1.0.0', '2.0.0']) {
        const named = ['--product', product, '--version', version];
        const told = await release(['push', await pipeline.image(version, ['A', 'C']), ...named, '--model', model]);
        expect(told).toContain(`${product} ${version} is pushed, in dev`);
        await expect(release(['promote', ...named, '--to', 'staging'])).rejects.toThrow(/“unit” was not reported yet/);
        await release(['check', ...named, '--name', 'unit', '--state', 'passed']);
        await release(['promote', ...named, '--to', 'staging']);
        await release(['check', ...named, '--name', 'hil', '--state', 'passed']);
        await release(['promote', ...named, '--to', 'production', '--reason', 'Hardware in the loop is green']);
        await approve(manager, `${product} ${version} into production`);
        await page.goto(told.match(/https:\S+\/releases\/\S+/)?.[0] ?? '');
        await expect(page.getByRole('heading', { level: 1 })).toContainText(`${product} ${version}`);
        await expect(page.locator('.head .badge')).toContainText('Production');
      }

      // Virtual devices, enrolled by the station: on revision C, 2.0.0 fails.
      const at = ['--gateway', shared.demo.credentials.gateway, '--station', station, '--batch', batch];
      const how = ['--folder', pipeline.file('devices'), '--runs', '1.0.0', '--fault', 'fail=17,serial=SIMC-*,version=2.0.0'];
      devices = new Program(PROGRAM, ['simulate', ...at, ...how, ...serials]);
      await devices.says(/10 devices come to/);

      // The operator plans two waves.
      await page.goto('/rollouts/new');
      await page.getByLabel('Name', { exact: true }).first().fill(rollout);
      const option = page.getByLabel('Release', { exact: true }).locator('option', { hasText: `${product} 2.0.0` });
      await page.getByLabel('Release', { exact: true }).selectOption(await option.getAttribute('value'));
      await page.getByLabel('Devices, as a fleet query').fill(`model:${model}`);
      await page.getByRole('button', { name: 'Take wave 3 away' }).click();
      await wave(page, 1, { Name: 'Revision A', 'Counted as': 'a query', Size: 'rev:A' });
      await wave(page, 2, { Name: 'Revision C', 'Counted as': 'the rest', Size: '' });
      await page.getByLabel('Verified after').fill('0 min');
      await page.getByLabel('Silent after').fill('10 min');
      await page.getByLabel('Tries after a failure').fill('0');
      const back = page.getByLabel('Release to go back to').locator('option', { hasText: `${product} 1.0.0` });
      await page.getByLabel('Release to go back to').selectOption(await back.getAttribute('value'));
      await page.getByRole('button', { name: 'Who would that be?' }).click();
      await expect(page.getByText('Every device of the target is in a wave.')).toBeVisible();
      await page.getByRole('button', { name: 'Save the draft' }).click();
      await expect(flash(page)).toContainText('Kept as a draft');
      await page.getByRole('button', { name: 'Submit for approval' }).click();
      await expect(flash(page)).toContainText('Its devices are frozen');
      const here = page.url();

      // A manager approves on a phone, and a phone without a script shows and does the same.
      await approve(withoutScript, rollout);
      await manager.goto(here);
      await expect(manager.locator('.head .badge')).toContainText('Running');

      // The first wave installs and is verified; the second fails, and the gate stops it by itself.
      await devices.says(new RegExp(`${serials[3]}: runs 2\\.0\\.0`));
      const [, failed = ''] = await devices.says(/(SIMC-\d+): failed to install 2\.0\.0/);
      await appears(page, () => expect(page.locator('.head .badge')).toContainText('Stopped by gate', { timeout: 500 }));
      const waves = page.getByRole('list', { name: 'Waves' }).getByRole('listitem');
      await expect(waves.first()).toContainText('4 verified');
      await expect(page.getByText('Its gate stopped it.')).toBeVisible();
      await expect(page.getByText('Installation failed with code 17.').first()).toBeVisible();
      await expect(page.getByText(/\d revision C\./).first()).toBeVisible();
      await looksGood(page, 'a rollout that its gate stopped');
      await page.setViewportSize({ width: 1280, height: 800 });

      // Who wrote it can't let it go on in spite of that; a manager can, and has to say why.
      await expect(page.locator('.head').getByRole('button', { name: 'Pause' })).toBeVisible();
      await expect(page.locator('.head').getByText('Resume', { exact: true })).toHaveCount(0);
      await manager.goto(here);
      await manager.getByRole('link', { name: 'Resume' }).click();
      const inSpite = manager.locator('section', { has: manager.getByRole('heading', { name: 'Go on all the same' }) });
      await expect(inSpite.getByText(/^Wave 2: [1-6] failed of 6$/)).toBeVisible();
      await looksGood(manager, 'a rollout that a manager may let go on');
      await inSpite.getByLabel('Why it may go on').fill('  ');
      await inSpite.getByRole('button', { name: 'Go on all the same' }).click();
      await expect(inSpite.getByText('Say why it goes on all the same.')).toBeVisible();
      await expect(manager.locator('.head .badge')).toContainText('Stopped by gate');

      // The manager takes it back, on the phone.
      await manager.goto(here);
      await manager.getByRole('button', { name: 'Abort and revert' }).click();
      await expect(manager.locator('.head .badge')).toContainText('Aborted');
      await devices.says(new RegExp(`${serials[3]}: runs 1\\.0\\.0`));
      await appears(page, async () => {
        await expect(page.getByRole('row', { name: /Taken back/ })).toContainText('4 of 4', { timeout: 500 });
      });

      // What the devices' own pages tell of it.
      await page.goto(`/devices/${serials[0]}?tab=history`);
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
  await group.locator('summary').click();
  await group.getByLabel('Open at least').fill('0 min');
  await group.getByLabel('Outcome known, %').fill('100');
  await group.getByLabel('Judged by').selectOption('shares');
  await group.getByLabel('Of at least').fill('3');
  await group.getByLabel('Failed at most, %').fill('20');
}
