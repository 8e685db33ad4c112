/** A rollout: planned by an operator, approved by a manager on a phone, stopped by one click. With JavaScript and without. */

import { flash } from '../fixture/hands.ts';
import { looksGood } from '../fixture/looks.ts';
import { expect, test } from '../fixture/test.ts';

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript';

  test.describe(how, () => {
    test.use({ javaScriptEnabled, role: 'operator' });

    test('a rollout is planned, frozen, approved by somebody else, paused and aborted', async ({ page, as, shared }) => {
      test.setTimeout(180_000);
      const name = `Autumn ${how}`;
      await page.goto('/rollouts/new');
      await page.getByLabel('Name', { exact: true }).first().fill(name);
      const production = page.getByLabel('Release', { exact: true }).locator('option', { hasText: 'gateway-os 1.5.0' });
      await page.getByLabel('Release', { exact: true }).selectOption(await production.getAttribute('value'));
      await page.getByLabel('Devices, as a fleet query').fill('state:active model:');
      await page.getByRole('button', { name: 'Save the draft' }).click();
      await expect(page.getByRole('alert')).toContainText('another look');
      await expect(page.getByLabel('Name', { exact: true }).first()).toHaveValue(name);

      await page.getByLabel('Devices, as a fleet query').fill('state:active model:GW-200');
      await page.getByRole('button', { name: 'Add a wave' }).click();
      await expect(page.getByRole('group', { name: 'Wave 4' })).toBeVisible();
      await page.getByRole('button', { name: 'Take wave 4 away' }).click();
      await expect(page.getByRole('group', { name: 'Wave 4' })).toHaveCount(0);
      await page.getByRole('button', { name: 'Add a cohort' }).click();
      await page.getByRole('button', { name: 'Take cohort 1 away' }).click();
      await page.getByRole('button', { name: 'Who would that be?' }).click();
      await expect(page.getByText('Every device of the target is in a wave.')).toBeVisible();
      const preview = page.locator('section', { has: page.getByRole('heading', { name: 'Who that would be' }) });
      await expect(preview.getByRole('heading', { name: '1. First' })).toBeVisible();
      await expect(preview.getByText('GW-200').first()).toBeVisible();
      await expect(preview.getByText('If nothing goes wrong.')).toBeVisible();
      if (javaScriptEnabled) await looksGood(page, 'designer');
      await page.getByRole('button', { name: 'Save the draft' }).click();
      await expect(flash(page)).toContainText('Kept as a draft');

      await page.getByRole('link', { name: 'Change' }).click();
      if (javaScriptEnabled) await looksGood(page, 'change a rollout');
      await page.getByLabel('Tries after a failure').fill('2');
      await page.getByRole('button', { name: 'Save the draft' }).click();
      await expect(flash(page)).toContainText('Changed');
      await page.getByRole('button', { name: 'Submit for approval' }).click();
      await expect(flash(page)).toContainText('Its devices are frozen');
      await expect(page.getByText('Nothing happens yet.')).toBeVisible();
      const here = page.url();
      const approval = await page.getByRole('link', { name: 'what was frozen' }).getAttribute('href');

      const manager = await as('manager');
      await manager.setViewportSize({ width: 390, height: 844 });
      await manager.goto(approval ?? '');
      // Read out in words: nobody has to know in what shares are counted.
      const exactly = manager.locator('section', { has: manager.getByRole('heading', { name: 'What exactly' }) });
      await expect(exactly.getByRole('link', { name: 'gateway-os 1.5.0' })).toBeVisible();
      await expect(exactly.getByText('1 % of the target').first()).toBeVisible();
      await expect(exactly.getByText('Stops everything when more than 2 % of those with an outcome failed').first()).toBeVisible();
      await expect(exactly.getByText('up to 2 times')).toBeVisible();
      await expect(exactly.getByText('100000')).toBeHidden();
      if (javaScriptEnabled) await looksGood(manager, 'an approval of a rollout');
      await manager.setViewportSize({ width: 390, height: 844 });
      await manager.getByRole('button', { name: 'Approve' }).click();
      await expect(flash(manager)).toBeVisible();

      await page.goto(`/devices/${shared.demo.facts.serial}`);
      await expect(page.locator('#updates').getByRole('link', { name })).toBeVisible();

      await page.goto(here);
      await expect(page.locator('.head .badge')).toContainText('Running');
      await expect(page.getByRole('heading', { name: 'Evidence against the gate' })).toBeVisible();
      if (javaScriptEnabled) await looksGood(page, 'a rollout that runs');
      await manager.goto(here);
      await manager.getByRole('button', { name: 'Pause' }).click();
      await expect(manager.locator('.head .badge')).toContainText('Paused');
      await manager.getByRole('button', { name: 'Resume' }).click();
      await expect(manager.locator('.head .badge')).toContainText('Running');
      await manager.getByRole('button', { name: 'Abort', exact: true }).click();
      await expect(manager.locator('.head .badge')).toContainText('Aborted');
      await expect(manager.getByRole('button', { name: 'Abort' })).toHaveCount(0);
    });
  });
}
