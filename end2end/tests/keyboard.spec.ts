/** The main journeys by keyboard alone, and what the script adds to it. */

import { account, awake, flash, named, tabTo } from '../fixture/hands.ts';
import { expect, test } from '../fixture/test.ts';

test.describe('from outside', () => {
  test.use({ role: 'nobody' });

  test('in, to a device, a note, and out', async ({ page, shared }, { retry }) => {
    const { email, password } = account(shared, 'support');
    const note = named('Typed without a mouse', retry);
    const serial = shared.demo.facts.spare[2] ?? '';
    await page.goto('/');
    await tabTo(page, page.getByLabel('Email'));
    await page.keyboard.type(email);
    await page.keyboard.press('Tab');
    await page.keyboard.type(password);
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Fleet');

    await tabTo(page, page.getByRole('link', { name: 'Skip to content' }));
    await page.keyboard.press('Enter');
    await expect(page.locator('#main')).toBeFocused();

    await page.goto('/devices');
    await tabTo(page, page.getByLabel('Fleet query'));
    await page.keyboard.type(serial);
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(/q=/);
    await tabTo(page, page.getByRole('link', { name: serial }));
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { level: 1 })).toContainText(serial);

    await tabTo(page, page.getByRole('link', { name: 'Add a note' }));
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(/do=note/);
    await tabTo(page, page.getByLabel('Note', { exact: true }));
    await page.keyboard.type(note);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect(flash(page)).toContainText('Note added');
    await expect(page.getByText(note)).toBeVisible();

    await tabTo(page, page.getByRole('button', { name: 'Sign out' }).first());
    await page.keyboard.press('Enter');
    await expect(flash(page)).toContainText('signed out');
  });
});

test('the palette finds pages and devices', async ({ page, shared }) => {
  const { serial } = shared.demo.facts;
  await page.goto('/');
  await awake(page);
  await page.keyboard.press('Control+k');
  await page.keyboard.type(serial);
  await expect(page.getByRole('option', { name: `${serial} Trusted` })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toContainText(serial);
  await awake(page);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('custod');
  await expect(page.getByRole('option', { name: /Custodians/ })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/custodians$/);
});

test('rows are walked by j and k, ticked by x, opened by Enter', async ({ page }) => {
  await page.goto('/devices');
  await awake(page);
  const links = page.locator('#main tbody tr th a');
  await page.keyboard.press('j');
  await expect(links.nth(0)).toBeFocused();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  await expect(links.nth(1)).toBeFocused();
  await page.keyboard.press('x');
  await expect(page.getByRole('checkbox', { name: /^Select/ }).nth(2)).toBeChecked();
  await expect(page.getByText('1 selected')).toBeVisible();
  const serial = (await links.nth(1).innerText()).trim();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toContainText(serial);
});

test('letters lead to places, and can be turned off', async ({ page }) => {
  await page.goto('/');
  await awake(page);
  await page.keyboard.press('g');
  await page.keyboard.press('d');
  await expect(page).toHaveURL(/\/devices$/);
  await awake(page);
  await page.keyboard.press('/');
  await expect(page.getByLabel('Fleet query')).toBeFocused();
  await page.keyboard.type('gd');
  await expect(page.getByLabel('Fleet query')).toHaveValue('gd');
  await page.keyboard.press('Escape');
  await page.getByRole('heading', { level: 1 }).click();
  await page.keyboard.press('?');
  await page.getByLabel('Turn single keys off').check();
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.keyboard.press('b');
  await expect(page).toHaveURL(/\/devices$/);
});

test('the query is completed from the fleet\'s own words', async ({ page }) => {
  await page.goto('/devices');
  await awake(page);
  await page.getByLabel('Fleet query').focus();
  await page.keyboard.type('custodian:acm');
  await expect(page.getByRole('option', { name: /Acme Logistics/ })).toBeVisible();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(page.getByLabel('Fleet query')).toHaveValue(/custodian:"Acme Logistics"/);
});

test('a page says when something that it shows has changed', async ({ page, as, shared }, { retry }) => {
  const note = named('Seen from the other side', retry);
  const serial = shared.demo.facts.spare[3] ?? '';
  const listening = page.waitForResponse(/\/ui\/events/);
  await page.goto(`/devices/${serial}`);
  await listening;
  const support = await as('support');
  await support.goto(`/devices/${serial}?do=note`);
  await support.getByLabel('Note', { exact: true }).fill(note);
  await support.getByRole('button', { name: 'Add the note' }).click();
  const told = page.getByRole('status').filter({ hasText: /updates?, refresh/ });
  await expect(told).toBeVisible();
  await told.click();
  await expect(page.getByText(note)).toBeVisible();
});
