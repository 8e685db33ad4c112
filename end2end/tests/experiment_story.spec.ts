/**
 * Two releases compared in the field: an operator designs the experiment without a script, a manager approves it, virtual devices of
 * two hardware revisions install A or B and report how long they take to start. B is slow on one revision only: the experiment says
 * so, B is held back there, and A goes on.
 */

import type { Locator, Page } from '@playwright/test';
import { Api } from '../fixture/api.ts';
import { flash } from '../fixture/hands.ts';
import { looksGood } from '../fixture/looks.ts';
import { PROGRAM } from '../fixture/muster.ts';
import { Pipeline } from '../fixture/pipeline.ts';
import { Program } from '../fixture/programs.ts';
import { appears, approve, connect, factory, phone, rules, type Lot } from '../fixture/story.ts';
import { expect, test } from '../fixture/test.ts';

/** So many devices there are of each revision, and so many of both are in the first wave. */
const [EACH, FIRST] = [56, 88];

/** The devices of a try: half of them of revision A, half of C. Each try has its own. */
function lot(retry: number): Lot {
  const serial = (revision: string) => (_: unknown, n: number) => `EXP${revision}-${retry}${100 + n}`;
  const serials = ['A', 'C'].flatMap((revision) => Array.from({ length: EACH }, serial(revision)));
  return { model: `EXP-1${retry}`, batch: `2026-11-EXP${retry}`, product: `exp-os-${retry}`, serials, poll: 3 };
}

/** Chooses an option by a part of its words. */
async function choose(page: Page, label: string, words: string): Promise<void> {
  const list = page.getByLabel(label, { exact: true }).first();
  await list.selectOption(await list.locator('option', { hasText: words }).first().getAttribute('value'));
}

/** The plan: two waves, and half of the devices each release. */
async function plan(page: Page, { model, product }: Lot, name: string): Promise<void> {
  await page.goto('/rollouts/new');
  await page.getByLabel('Name', { exact: true }).first().fill(name);
  await choose(page, 'Release', `${product} 2.0.0`);
  await page.getByLabel('Devices, as a fleet query').fill(`model:${model}`);
  await page.getByLabel('Verified after').fill('0 min');
  await page.getByRole('button', { name: 'Take wave 3 away' }).click();
  for (const [n, unit, size] of [
    [1, 'devices', String(FIRST)],
    [2, 'the rest', ''],
  ] as const) {
    const wave = page.getByRole('group', { name: `Wave ${n}` });
    await wave.getByLabel('Counted as').selectOption({ label: unit });
    await wave.getByLabel('Size').fill(size);
    await wave.locator('summary').click();
    await wave.getByLabel('Open at least').fill('0 min');
    await wave.getByLabel('Outcome known, %').fill('100');
    await wave.getByLabel('Next wave opens').selectOption({ label: 'By hand' });
  }
  for (const [n, cohort, version] of [
    [1, 'A', '2.0.0'],
    [2, 'B', '2.1.0'],
  ] as const) {
    await page.getByRole('button', { name: 'Add a cohort' }).click();
    const group = page.getByRole('group', { name: `Cohort ${n}` });
    await group.getByLabel('Name').fill(cohort);
    await group.getByLabel('Share, %').fill('50');
    const gets = group.getByLabel('Gets');
    await gets.selectOption(await gets.locator('option', { hasText: `${product} ${version}` }).getAttribute('value'));
  }
}

/** What the cohorts are compared for. What is wrong with it is said at its field, and everything is kept. */
async function experiment(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Make it an experiment' }).click();
  // What is filled in is whole: somebody who knows no statistics may leave it.
  await expect(page.getByLabel('What is expected')).toHaveValue('B does no worse than A.');
  await expect(page.getByLabel('Wrong by chance, %')).toBeHidden();
  await page.getByLabel('What is expected').fill('B starts as quickly as A, on every hardware revision.');
  await page.getByLabel('Compared with').selectOption({ label: 'A' });
  await page.getByLabel('Planned devices').fill('100');
  await page.getByRole('button', { name: 'Add a guard' }).click();
  await page.getByRole('button', { name: 'Add a guard' }).click();
  await page.getByRole('button', { name: 'Take guard 2 away' }).click();
  await expect(page.getByRole('group', { name: 'Guard 2' })).toHaveCount(0);
  const primary = page.getByRole('group', { name: 'Primary metric' });
  // What is asked for follows from what is measured.
  await expect(primary.getByLabel('Reported as')).toBeHidden();
  await primary.getByLabel('Measured').selectOption({ label: 'Mean value' });
  await expect(primary.getByLabel('Threshold')).toBeHidden();
  await primary.getByLabel('Reported as').fill('boot_s');
  await primary.getByLabel('Lower bound').fill('120');
  await primary.getByLabel('Upper bound').fill('0');
  await primary.getByLabel('Which way').selectOption({ label: 'Lower is better' });
  await primary.getByLabel('Matters from').fill('five');
  await page.getByRole('button', { name: 'Save the draft' }).click();
  await expect(page.getByRole('alert')).toContainText('another look');
  await expect(primary.getByLabel('Matters from')).toHaveAttribute('aria-invalid', 'true');
  await primary.getByLabel('Matters from').fill('5');
  await page.getByRole('button', { name: 'Save the draft' }).click();
  await expect(primary.getByLabel('Upper bound')).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByLabel('What is expected')).toHaveValue(/as quickly as A/);
  await primary.getByLabel('Lower bound').fill('0');
  await primary.getByLabel('Upper bound').fill('120');
}

/** The row of a hardware revision. */
function level(page: Page, revision: string): Locator {
  return page.locator('#levels tbody tr').filter({ has: page.getByRole('link', { name: revision, exact: true }) });
}

test.describe('an experiment', () => {
  test.use({ role: 'operator' });

  test('finds the revision on which B is slow, holds B back there, and A goes on', async ({ page, as, browser, shared, complaints }, info) => {
    test.setTimeout(360_000);
    const devices = lot(info.retry);
    const name = `Start of ${devices.product}`;
    const pipeline = new Pipeline();
    const api = await Api.of(shared.demo.url, shared.demo.credentials.api_token);
    const [admin, manager] = [await as('admin'), await phone(browser, shared, 'manager', true)];
    const withoutScript = await phone(browser, shared, 'operator', false);
    let running: Program | undefined;
    try {
      const station = await factory(devices, page, admin, manager, pipeline);
      await connect(devices, page, manager, pipeline, shared);
      await rules(devices, admin);
      for (const version of ['2.0.0', '2.1.0']) {
        const named = ['--product', devices.product, '--version', version];
        const release = (args: string[]): Promise<string> => pipeline.release(shared.demo.url, args);
        await release(['push', await pipeline.image(version, ['A', 'C']), ...named, '--model', devices.model]);
        await release(['check', ...named, '--name', 'unit', '--state', 'passed']);
        await release(['promote', ...named, '--to', 'staging']);
        await release(['check', ...named, '--name', 'hil', '--state', 'passed']);
        await release(['promote', ...named, '--to', 'production', '--reason', 'Hardware in the loop is green']);
        await approve(manager, `${devices.product} ${version} into production`);
      }

      // Devices start within half a minute, with B on revision C within a minute.
      const at = ['--gateway', shared.demo.credentials.gateway, '--station', station, '--batch', devices.batch];
      const slow = ['--metric', 'boot_s=60,spread=8,serial=EXPC-*,version=2.1.0', '--metric', 'boot_s=30,spread=8'];
      const how = ['--folder', pipeline.file('devices'), '--runs', '1.0.0', ...slow];
      running = new Program(PROGRAM, ['simulate', ...at, ...how, ...devices.serials]);
      await running.says(new RegExp(`${devices.serials.length} devices come to`));

      // The operator designs it, without a script.
      await plan(withoutScript, devices, name);
      await experiment(withoutScript);
      await withoutScript.getByRole('button', { name: 'Save the draft' }).click();
      await expect(flash(withoutScript)).toContainText('Kept as a draft');
      const here = new URL(withoutScript.url()).pathname;
      await page.goto(`${here}/edit`);
      await expect(page.getByRole('group', { name: 'Primary metric' }).getByLabel('Reported as')).toHaveValue('boot_s');
      await looksGood(page, 'the designer of an experiment');
      await page.goto(`${here}/experiment`);
      await expect(page.getByText('Nothing is known yet.')).toBeVisible();
      await looksGood(page, 'an experiment that has not begun');
      await page.setViewportSize({ width: 1280, height: 800 });
      await withoutScript.getByRole('button', { name: 'Submit for approval' }).click();
      await expect(flash(withoutScript)).toContainText('Its devices are frozen');

      // The manager reads in words what is to be found out, and approves.
      await manager.goto('/approvals');
      await manager.getByRole('link', { name: new RegExp(name) }).first().click();
      const exactly = manager.locator('section', { has: manager.getByRole('heading', { name: 'What exactly' }) });
      await expect(exactly.getByText('“B starts as quickly as A, on every hardware revision.”', { exact: true })).toBeVisible();
      await exactly.getByText('Experiment and rules').click();
      await expect(exactly.getByText(/the mean of what devices report as boot_s.*a difference of 5 matters/)).toBeVisible();
      await expect(exactly.getByText(/must not become worse: the share of devices that fail to start/)).toBeVisible();
      await manager.getByRole('button', { name: 'Approve', exact: true }).click();
      await expect(flash(manager)).toBeVisible();

      // Devices of the first wave install, start and report; the experiment says where B is slow, and holds it back there.
      await page.goto(`${here}/experiment`);
      const held = page.locator('#held');
      await appears(page, async () => {
        await expect(held).toContainText('hardware revision C', { timeout: 500 });
      });
      await expect(held).toContainText('Cohort B');
      await expect(held.getByRole('listitem')).toHaveCount(1);
      await expect(level(page, 'C')).toContainText('Held back');
      await expect(level(page, 'A')).toContainText('Not worse so far');
      await expect(page.locator('#guards')).toContainText('failed to start');
      await expect(page.getByRole('img', { name: /boot_s/ }).first()).toBeVisible();
      await looksGood(page, 'an experiment that holds a cohort back');
      await page.setViewportSize({ width: 1280, height: 800 });

      // The second wave is opened: B gets to nobody else of revision C, A to all.
      await page.goto(here);
      await expect(page.getByRole('link', { name: 'Experiment' }).first()).toBeVisible();
      await appears(page, () => expect(page.getByRole('button', { name: 'Open the next wave' })).toBeVisible({ timeout: 500 }));
      const told = async (): Promise<Told[]> => (await api.get<{ items: Told[] }>(`${here}/devices?limit=200`)).items;
      const ofC = (rows: Told[]): number => rows.filter((row) => row.revision === 'C' && row.version === '2.1.0').length;
      const before = ofC(await told());
      await page.getByRole('button', { name: 'Open the next wave' }).click();
      await expect(flash(page)).toContainText('The next wave is open');
      let after: Told[] = [];
      await expect(async () => {
        after = await told();
        const second = after.filter((row) => row.wave === 1);
        expect(second.filter((row) => row.revision === 'C' && row.version === '2.0.0' && row.state === 'verified').length).toBeGreaterThan(0);
        expect(second.filter((row) => row.revision === 'A' && row.version === '2.1.0' && row.state === 'verified').length).toBeGreaterThan(0);
      }).toPass({ timeout: 60_000 });
      expect(ofC(after)).toBe(before);

      // Timeline and table tell it, too.
      await page.reload();
      await expect(page.locator('.tl')).toContainText('not offered to hardware revision C any more');
      const csv = await page.request.get(`${here}/experiment.csv`);
      expect(csv.ok()).toBe(true);
      expect(await csv.text()).toMatch(/revision/);
    } finally {
      await running?.stop();
      await manager.context().close();
      await withoutScript.context().close();
      await api.dispose();
      await pipeline.end();
    }
    expect(complaints).toEqual([]);
  });
});

/** A device that was told of it, as the API has it. */
interface Told {
  revision: string;
  version: string;
  state: string;
  wave: number;
}
