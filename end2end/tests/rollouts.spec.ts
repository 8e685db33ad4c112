/** A rollout: planned by an operator, approved by a manager on a phone, stopped by one click. With JavaScript and without. */

import type { Locator } from '@playwright/test';
import { flash, named } from '../fixture/hands.ts';
import { looksGood } from '../fixture/looks.ts';
import { expect, test } from '../fixture/test.ts';

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript';

  test.describe(how, () => {
    test.use({ javaScriptEnabled, role: 'operator' });

    test('a rollout is planned, frozen, approved by somebody else, paused and aborted', async ({ page, as, shared }, { retry }) => {
      test.setTimeout(180_000);
      const name = named(`Autumn ${how}`, retry);
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
      // The worst case is said before anything is kept, and what a smaller first wave does to it.
      const worst = page.locator('section', { has: page.getByRole('heading', { name: 'If it bricks devices' }) });
      await expect(worst.getByText(/^If it bricked 5 % of the devices, about .* would be lost/)).toBeVisible();
      await expect(page.getByRole('heading', { name: 'Expected course' })).toBeVisible();
      await page.getByRole('button', { name: 'Who would that be?' }).click();
      await expect(worst.getByText('Changes are against the plan of the last preview.')).toBeVisible();
      await expect(worst.getByRole('row', { name: /^100 %/ }).getByText('±0')).toBeVisible();
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
      // What decides stands first; what stands behind it is folded, and opens without a script.
      const part = (title: string): Locator => exactly.locator('details').filter({ has: manager.getByText(title, { exact: true }) });
      const [gates, rules] = [part('Waves and gates'), part('Rules')];
      await expect(gates.getByText('1 % of the target').first()).toBeHidden();
      await gates.locator('summary').click();
      await rules.locator('summary').click();
      await expect(gates.getByText('1 % of the target').first()).toBeVisible();
      await expect(gates.getByText('Stops everything by evidence that more than 2 % fail').first()).toBeVisible();
      await expect(rules.getByText('up to 2 times')).toBeVisible();
      await expect(exactly.getByText('100000')).toBeHidden();
      await expect(manager.getByText(/^If it bricked 5 % of the devices, about .* would be lost/)).toBeVisible();
      if (javaScriptEnabled) await looksGood(manager, 'an approval of a rollout');
      await manager.setViewportSize({ width: 390, height: 844 });
      await manager.getByRole('button', { name: 'Approve' }).click();
      await expect(flash(manager)).toBeVisible();

      await page.goto(`/devices/${shared.demo.facts.serial}`);
      // It is not in the target: what is not about it is folded away.
      await page.locator('#updates').getByText('Elsewhere').click();
      await expect(page.locator('#updates').getByRole('link', { name })).toBeVisible();

      await page.goto(here);
      await expect(page.locator('.head .badge')).toContainText('Running');
      await expect(page.getByRole('heading', { name: 'Evidence against the gate' })).toBeVisible();
      const reality = page.locator('section', { has: page.getByRole('heading', { name: 'Forecast and reality' }) });
      await expect(reality.getByText(/^After .* devices have it; between/)).toBeVisible();
      await expect(reality.getByText('It was approved with this worst case:')).toBeVisible();
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
