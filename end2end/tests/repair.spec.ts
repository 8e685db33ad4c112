/** The repair desk, on a phone, with JavaScript and without. */

import { flash, shownOnce, unfold } from '../fixture/hands.ts';
import { looksGood } from '../fixture/looks.ts';
import { expect, test } from '../fixture/test.ts';

/** An IMEI of the modems of the demo, with its check digit (3GPP TS 23.003, annex B). */
function imei(n: number): string {
  const body = `86194105${String(n).padStart(6, '0')}`;
  const sum = [...body].reduce((all, digit, at) => {
    const value = Number(digit) * (at % 2 === 1 ? 2 : 1);
    return all + Math.floor(value / 10) + (value % 10);
  }, 0);
  return `${body}${(10 - (sum % 10)) % 10}`;
}

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript';
  /** Each variant repairs devices of its own. */
  const own = javaScriptEnabled ? 40 : 80;

  test.describe(how, () => {
    test.use({ javaScriptEnabled, role: 'support', viewport: { width: 390, height: 844 } });

    test('from the label to the report that is awaited', async ({ page, api }, { retry }) => {
      const modems = await api.devices('model:GW-200 state:active trust:trusted kind:client component:lte', 200);
      const serial = modems.at((javaScriptEnabled ? -5 : -9) - retry)?.serial ?? '';
      await page.goto('/scan');
      await page.getByLabel('Code, serial or identifier').fill(`https://console.example/r/${serial}`);
      await page.getByRole('button', { name: 'Find' }).click();
      await expect(page).toHaveURL(new RegExp(`/devices/${serial}$`));
      await page.getByRole('link', { name: 'Open a repair' }).click();

      // What is missing is said at its field.
      await page.getByLabel('What is wrong with it?').fill(' ');
      await page.getByRole('button', { name: 'Open the repair' }).click();
      await expect(page.getByRole('alert')).toContainText('Say what is wrong');
      await page.getByLabel('What is wrong with it?').fill('No mobile network');
      await page.getByRole('button', { name: 'Open the repair' }).click();
      await expect(flash(page)).toContainText('is open');
      await expect(page.getByRole('heading', { level: 1 })).toContainText('On the bench');
      const code = new URL(page.url()).pathname.split('/').pop() ?? '';

      // A wrong digit is kept and said.
      const right = imei(700_000 + own + retry);
      const wrong = `${right.slice(0, -1)}${(Number(right.slice(-1)) + 1) % 10}`;
      await page.getByLabel('Slot', { exact: true }).selectOption('lte0');
      await page.getByLabel('Number of the new part').fill(wrong);
      if (javaScriptEnabled) await expect(page.locator('[data-says]')).toContainText('check digit');
      await page.getByRole('button', { name: 'Keep this part' }).click();
      await expect(page.getByRole('alert')).toContainText('check digit');
      await expect(page.getByLabel('Number of the new part')).toHaveValue(wrong);
      await page.getByLabel('Number of the new part').fill(right);
      await page.getByRole('button', { name: 'Keep this part' }).click();
      await expect(flash(page)).toContainText('lte0');
      await expect(page.getByText('The check digit is right.').first()).toBeVisible();

      await page.getByLabel('Note', { exact: true }).fill('Antenna is good');
      await page.getByRole('button', { name: 'Add the note' }).click();
      await expect(page.getByText('Antenna is good')).toBeVisible();
      await page.getByLabel('Photo', { exact: true }).setInputFiles({
        name: 'label.png',
        mimeType: 'image/png',
        // One grey pixel.
        buffer: Buffer.from(
          'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==',
          'base64',
        ),
      });
      await page.getByRole('button', { name: 'Add the photo' }).click();
      await expect(flash(page)).toContainText('Photo added');
      await expect(page.locator('.photos img')).toHaveCount(1);
      if (javaScriptEnabled) await looksGood(page, 'a repair on the bench');

      await page.setViewportSize({ width: 390, height: 844 });
      await page.getByLabel('What is done, and why').fill('Modem dead');
      await page.getByRole('button', { name: 'Authorise', exact: true }).click();
      await expect(flash(page)).toContainText('Authorised');
      await expect(page.getByRole('heading', { level: 1 })).toContainText('device’s report');
      const kept = await api.get<{ state: string; expected_version: number }>(`/repairs/${code}`);
      expect(kept.state).toBe('verifying');
      await page.goto(`/devices/${serial}`);
      await expect(page.getByRole('link', { name: `Repair ${code}` }).first()).toBeVisible();
      await expect(page.getByText('In repair').first()).toBeVisible();
    });

    test('the part that holds the key takes a second person, and then a voucher', async ({ page, shared, as }, { retry }) => {
      // A second try repairs another device: the first one's case is open.
      const serial = shared.demo.facts.enrolled[(javaScriptEnabled ? 4 : 5) + 2 * retry] ?? '';
      await page.goto(`/repairs/new?serial=${serial}`);
      await page.getByLabel('What is wrong with it?').fill('Does not start');
      await page.getByRole('button', { name: 'Open the repair' }).click();
      const slots = page.getByLabel('Slot', { exact: true }).locator('option');
      await expect(slots.first()).toBeAttached();
      const key = (await slots.allTextContents()).find((text) => text.includes('Secure element')) ?? 'board:';
      const slot = key.split(':')[0] ?? '';
      await page.getByLabel('Slot', { exact: true }).selectOption(slot);
      await page.getByLabel('Number of the new part').fill(`NEW-${own}-${Date.now()}`);
      await page.getByRole('button', { name: 'Keep this part' }).click();
      // What is typed before the next page is there is lost with this one.
      await expect(flash(page)).toContainText(slot);
      await expect(page.getByText('A second person has to approve this')).toBeVisible();
      await page.getByLabel('What is done, and why').fill('Broken');
      await page.getByRole('button', { name: 'Ask a second person' }).click();
      await expect(page.getByRole('heading', { level: 1 })).toContainText('Waiting for a second person');
      const address = page.url();

      const manager = await as('manager');
      await manager.goto(address);
      await manager.getByRole('link', { name: 'The approval' }).click();
      await expect(manager.getByText('Takes two because')).toBeVisible();
      await manager.getByRole('button', { name: 'Approve', exact: true }).click();
      await expect(manager.locator('.head .badge')).toContainText('Approved');

      await page.goto(address);
      await page.getByRole('button', { name: 'Make a voucher' }).click();
      expect(await shownOnce(page)).toMatch(/^musterv_/);
      await page.goto(address);
      await expect(page.locator('.once')).toHaveCount(0);
      await expect(page.getByText('was not used yet')).toBeVisible();
    });

    test('a case that came to nothing is cancelled with a reason', async ({ page, shared }, { retry }) => {
      const serial = shared.demo.facts.spare[own + 1 + 5 * retry] ?? '';
      await page.goto(`/repairs/new?serial=${serial}`);
      await page.getByLabel('What is wrong with it?').fill('Restarts');
      await page.getByRole('button', { name: 'Open the repair' }).click();
      await unfold(page, 'Cancel the repair');
      await page.getByLabel('Why?').fill('It was the power supply');
      await page.getByRole('button', { name: 'Cancel it' }).click();
      await expect(flash(page)).toContainText('Cancelled');
      await expect(page.getByText('It was the power supply').first()).toBeVisible();
      await page.goto(`/repairs?q=${serial}`);
      await expect(page.getByRole('cell', { name: 'Cancelled' })).toBeVisible();
    });
  });
}

test.describe('on a bad connection', () => {
  test.use({ role: 'support', viewport: { width: 390, height: 844 } });

  test('what was typed is still there', async ({ page, shared, context, complaints }, { retry }) => {
    const serial = shared.demo.facts.spare[44 + 5 * retry] ?? '';
    await page.goto(`/repairs/new?serial=${serial}`);
    await page.getByLabel('What is wrong with it?').fill('No mobile network');
    await page.getByRole('button', { name: 'Open the repair' }).click();
    await expect(flash(page)).toContainText('is open');
    const address = page.url();
    await page.getByLabel('Note', { exact: true }).fill('Half a note, and then');
    await expect
      .poll(() => page.evaluate(() => Object.values(localStorage).some((kept) => String(kept).includes('Half'))))
      .toBe(true);
    await context.setOffline(true);
    await page.getByRole('button', { name: 'Add the note' }).click();
    await context.setOffline(false);
    complaints.length = 0;
    await page.goto(address);
    await expect(page.getByLabel('Note', { exact: true })).toHaveValue('Half a note, and then');
    await page.getByRole('button', { name: 'Add the note' }).click();
    await expect(page.getByText('Half a note, and then')).toBeVisible();
    await expect(page.getByLabel('Note', { exact: true })).toHaveValue('');
    complaints.length = 0;
  });
});
