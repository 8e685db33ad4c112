/** The certification authority: what is requested, approved, issued and cut off, with JavaScript and without. */

import type { Page } from '@playwright/test';
import { flash, named, shownOnce, unfold } from '../fixture/hands.ts';
import { looksGood } from '../fixture/looks.ts';
import { expect, test } from '../fixture/test.ts';
import { BATCHES, ENROLLED } from '../fixture/world.ts';

/** The badge in a page's head. */
function badge(page: Page, word: string | RegExp) {
  return page.locator('.head .badge', { hasText: word });
}

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript';
  /** Each variant changes things of its own. */
  const own = javaScriptEnabled ? 0 : 1;

  test.describe(how, () => {
    test.use({ javaScriptEnabled });

    test('a device is held, released, and revoked for good', async ({ page, shared }, { retry }) => {
      const serial = shared.demo.facts.enrolled[own + ENROLLED * retry] ?? '';
      await page.goto(`/devices/${serial}`);
      const access = page.locator('#access');
      await expect(access.getByText('Valid')).toBeVisible();

      await unfold(page, 'Put on hold');
      await access.getByLabel('Why', { exact: true }).fill('The client says that it was stolen.');
      await access.getByRole('button', { name: 'Put on hold' }).click();
      await expect(flash(page)).toContainText('On hold');
      await expect(access.getByText('On hold', { exact: true })).toBeVisible();

      await page.goto(`/devices/${serial}`);
      await unfold(page, 'Release from hold');
      await access.getByLabel('Why it may come back').fill('It was in the other car.');
      await access.getByRole('button', { name: 'Release it from hold' }).click();
      await expect(flash(page)).toContainText('Released');
      await expect(access.getByText('Valid')).toBeVisible();

      await access.getByRole('link', { name: 'Revoke for good' }).click();
      await expect(page.getByRole('heading', { level: 1 })).toContainText(serial);
      await page.getByLabel('Key compromised').check();
      await page.getByLabel('What happened').fill('It was opened at a fair.');
      await page.getByLabel(/^Type/).fill('something else');
      await page.getByRole('button', { name: 'Revoke', exact: true }).click();
      await expect(page.getByRole('alert')).toContainText('another look');
      await expect(page.getByLabel('What happened')).toHaveValue('It was opened at a fair.');
      await page.getByLabel(/^Type/).fill(serial);
      await page.getByRole('button', { name: 'Revoke', exact: true }).click();
      await expect(flash(page)).toContainText('Revoked');
      await expect(page).toHaveURL(/\/revocations\/[0-9a-f-]{36}$/);
      await expect(page.getByRole('heading', { name: 'How it spreads through the field' })).toBeVisible();

      await page.goto(`/devices/${serial}?tab=certificates`);
      await expect(page.getByRole('region', { name: 'Certificates' }).first().getByText('Revoked').first()).toBeVisible();
    });

    test('a batch is revoked by two people, and its curve is there', async ({ page, as, shared }, { retry }) => {
      const batch = shared.demo.facts.batches[own + BATCHES * retry] ?? '';
      await page.goto(`/batches/${batch}`);
      await page.getByRole('link', { name: 'Revoke the batch' }).click();
      await expect(page.getByText('There is no way back')).toBeVisible();
      await expect(page.getByText('Nothing happens yet')).toBeVisible();
      await page.getByLabel('Key compromised').check();
      await page.getByLabel('What happened').fill('The signing station was left open.');
      await page.getByLabel(/^Type/).fill(batch);
      await page.getByRole('button', { name: 'Ask for approval' }).click();
      await expect(flash(page)).toContainText('Asked for');
      await expect(badge(page, 'Awaiting approval')).toBeVisible();
      const act = page.url();

      await page.getByRole('link', { name: 'To the approval' }).click();
      await expect(page.getByText('Manager may do this')).toBeVisible();
      const approval = new URL(page.url()).pathname;

      const manager = await as('manager');
      await manager.goto('/approvals');
      await manager.getByRole('link', { name: batch }).first().click();
      await expect(manager).toHaveURL(new RegExp(`${approval}$`));
      await expect(manager.getByText('You approve exactly this')).toBeVisible();
      await expect(manager.getByText('The signing station was left open.').first()).toBeVisible();
      await manager.getByLabel('Reason').fill('Seen in the access log.');
      await manager.getByRole('button', { name: /^Approve/ }).click();
      await expect(flash(manager)).toContainText('Approved');

      await page.goto(act);
      await expect(badge(page, /Spreading|In effect/)).toBeVisible();
      await expect(page.getByRole('heading', { name: 'How it spreads through the field' })).toBeVisible();
      await expect(page.getByRole('img', { name: /have come back and were refused/ })).toBeVisible();
      await expect(page.getByText(/^Approved by \S+/)).toBeVisible();
      if (javaScriptEnabled) await looksGood(page, 'a revocation that spreads');
      await page.goto(`/batches/${batch}`);
      await expect(page.locator('#authority').getByText('Revoked')).toBeVisible();
    });

    test('an authority is requested by one and approved by another', async ({ page, as, shared }, { retry }) => {
      const batch = shared.demo.facts.batches[3 + own + BATCHES * retry] ?? '';
      const name = named(`Spare CA ${own}`, retry);
      await page.goto('/authorities/new');
      await page.getByLabel('Kind').selectOption('batch');
      await page.getByLabel('Name').fill(name);
      await page.getByLabel('Batch', { exact: true }).selectOption(batch);
      await page.getByRole('textbox', { name: 'Quota' }).fill('many');
      await page.getByRole('button', { name: 'Ask for approval' }).click();
      await expect(page.getByRole('alert')).toContainText('another look');
      await expect(page.getByLabel('Name')).toHaveValue(name);
      await page.getByRole('textbox', { name: 'Quota' }).fill('12');
      await page.getByRole('button', { name: 'Ask for approval' }).click();
      await expect(page).toHaveURL(/\/approvals\/[0-9a-f-]{36}$/);
      await expect(badge(page, 'Waiting')).toBeVisible();
      await expect(page.getByRole('button', { name: /^Approve/ })).toHaveCount(0);

      const manager = await as('manager');
      await manager.goto(new URL(page.url()).pathname);
      await manager.getByLabel('Reason').fill('Agreed with the factory.');
      await manager.getByRole('button', { name: /^Approve/ }).click();
      await expect(flash(manager)).toContainText('Approved');

      await page.goto('/authorities');
      await page.getByRole('link', { name }).click();
      await expect(badge(page, 'Active')).toBeVisible();
      await expect(page.getByRole('heading', { name: 'What it says' })).toBeVisible();
    });

    test('a kit is downloaded, and a token is shown once', async ({ page, shared }, { retry }) => {
      const serial = shared.demo.facts.enrolled[2 + own + ENROLLED * retry] ?? '';
      await page.goto(`/devices/${serial}?do=kit`);
      await page.getByLabel('The key is born in the device').check();
      const arriving = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Download the kit' }).click();
      expect((await arriving).suggestedFilename()).toMatch(/\.tar$/);

      await page.goto(`/devices/${serial}`);
      await unfold(page, 'A shared token instead');
      await page.getByRole('button', { name: 'Make a token' }).click();
      const token = await shownOnce(page);
      expect(token.length).toBeGreaterThan(20);
      await page.goto(`/devices/${serial}`);
      await expect(page.getByText(token)).toHaveCount(0);
      await expect(page.locator('#access').getByText('never used')).toBeVisible();
    });
  });
}

test.describe('who may not', () => {
  test.describe('an auditor', () => {
    test.use({ role: 'auditor' });
    test('sees everything and can cut nothing off', async ({ page, shared }) => {
      await page.goto(`/devices/${shared.demo.facts.serial}`);
      await expect(page.locator('#access').getByText('Revoke certificates').first()).toBeVisible();
      await expect(page.locator('#access').getByRole('button')).toHaveCount(0);
      const answer = await page.goto(`/revocations/new?scope=device&subject=${shared.demo.facts.serial}`);
      expect(answer?.status()).toBe(403);
      expect((await page.goto('/authorities/new'))?.status()).toBe(403);
    });
  });

  test.describe('support', () => {
    test.use({ role: 'support' });
    test('holds a device but revokes none, and sees no approvals', async ({ page, shared }) => {
      await page.goto(`/devices/${shared.demo.facts.enrolled[4] ?? ''}`);
      await expect(page.locator('#access summary', { hasText: 'Put on hold' })).toBeVisible();
      await expect(page.locator('#access').getByRole('link', { name: 'Revoke for good' })).toHaveCount(0);
      expect((await page.goto('/approvals'))?.status()).toBe(403);
    });
  });

  test.describe('a manager', () => {
    test.use({ role: 'manager' });
    test('does not approve what they asked for', async ({ page, shared }, { retry }) => {
      const batch = shared.demo.facts.batches[2 + BATCHES * retry] ?? '';
      await page.goto(`/revocations/new?scope=batch&subject=${encodeURIComponent(batch)}&act=hold`);
      await page.getByLabel('What happened').fill('An audit is going on.');
      await page.getByLabel(/^Type/).fill(batch);
      await page.getByRole('button', { name: 'Ask for approval' }).click();
      await page.getByRole('link', { name: 'To the approval' }).click();
      await expect(page.getByText('You asked for this')).toBeVisible();
      await expect(page.getByRole('button', { name: /^Approve/ })).toHaveCount(0);
    });
  });
});

test.describe('settings', () => {
  test.use({ role: 'admin' });
  test('are kept, and what is wrong is told at its field', async ({ page }) => {
    await page.goto('/settings');
    const save = page.locator('form[action="/settings"]').getByRole('button', { name: 'Save' });
    await page.getByLabel('Devices that one person may cut off').fill('a few');
    await save.click();
    await expect(page.getByRole('alert')).toContainText('whole number');
    await page.getByLabel('Devices that one person may cut off').fill('100');
    await save.click();
    await expect(flash(page)).toContainText('Saved');
  });
});
