/** Second factors: an authenticator app without JavaScript, the policy, recovery codes, and passkeys with a virtual authenticator. */

import type { Browser, CDPSession, Page } from '@playwright/test';
import { flash, signIn, unfold } from '../fixture/hands.ts';
import { looksGood } from '../fixture/looks.ts';
import { test as alone } from '../fixture/own.ts';
import { expect } from '../fixture/test.ts';
import { App } from '../fixture/totp.ts';

const IVO = { email: 'ivo@muster.example', password: 'nobody guesses a sentence' };
const PASSWORD = 'another sentence that is long';

/** A console of its own for each of these: a policy is everybody's. It is reached by a name, which passkeys need. */
const test = alone.extend({
  baseURL: async ({ own: { muster } }, use) => use(muster.url),
  storageState: async ({}, use) => use({ cookies: [], origins: [] }),
});

test.describe.configure({ mode: 'serial' });

async function secretOf(page: Page): Promise<App> {
  return new App((await page.locator('.hashbox .mono').innerText()).trim());
}

/** Adds an account by its one-time link. */
async function invited(page: Page, browser: Browser, base: string, email: string, role: string): Promise<void> {
  await page.goto('/users#add');
  await page.getByLabel('Name', { exact: true }).fill(role);
  await page.getByLabel('Email', { exact: true }).fill(email);
  await page.getByLabel('Role').selectOption(role);
  await page.getByRole('button', { name: 'Add user' }).click();
  const link = (await page.locator('.once .hashbox .mono').innerText()).trim();
  const other = await (await browser.newContext({ baseURL: base, ignoreHTTPSErrors: true })).newPage();
  await other.goto(new URL(link).pathname);
  await other.getByLabel('Password').fill(PASSWORD);
  await other.getByRole('button', { name: 'Keep it and sign in' }).click();
  await expect(other).not.toHaveURL(/\/link\//);
  await other.context().close();
}

/** Ivo's app, from the test that sets it up. */
let app: App;
/** One of his recovery codes. */
let recovery = '';

test.describe('an app', () => {
  test('looks as it should from the first code on', async ({ page, browser, own }) => {
    test.setTimeout(240_000);
    await page.goto('/sign-in');
    await signIn(page, IVO.email, IVO.password);
    await page.goto('/account');
    await page.getByRole('link', { name: 'Add one' }).click();
    await page.locator('#name').fill('Phone');
    await page.locator('#present').fill(IVO.password);
    await page.getByRole('button', { name: 'Go on' }).click();
    await looksGood(page, 'set an app up');
    app = await secretOf(page);
    await page.getByRole('textbox', { name: 'Code' }).fill('000000');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await expect(page.getByRole('alert')).toContainText('not right');
    await page.getByRole('textbox', { name: 'Code' }).fill(await app.code());
    await page.getByRole('button', { name: 'Confirm' }).click();
    await expect(page.locator('.codes li')).toHaveCount(10);
    await looksGood(page, 'recovery codes');
    [recovery = ''] = await page.locator('.codes li').allInnerTexts();
    const stale = await browser.newContext({ baseURL: own.muster.url, storageState: own.session, ignoreHTTPSErrors: true });
    const asked = await stale.newPage();
    await asked.goto('/tokens');
    await asked.getByLabel('Name', { exact: true }).fill('Nightly');
    await asked.getByRole('button', { name: 'Create token' }).click();
    await expect(asked.getByRole('heading', { name: 'Show your second factor again' })).toBeVisible();
    await looksGood(asked, 'the second factor, again');
    await stale.close();
  });

  // What comes after builds on it, so that it is tried on both databases.
  test.describe('where no script runs', () => {
    test.use({ javaScriptEnabled: false });

    test('is asked for at the sign-in and again, and a form keeps what was typed', async ({ page, browser, own }) => {
      await page.goto('/sign-in?next=%2Fsettings');
      await signIn(page, IVO.email, IVO.password);
      await expect(page).toHaveURL(/\/sign-in\/second/);
      await page.goto('/settings');
      await expect(page, 'half a session is nobody').toHaveURL(/\/sign-in\?next/);
      await page.goto('/sign-in/second?next=%2Fsettings');
      await page.getByRole('textbox', { name: 'Code' }).fill(recovery.toUpperCase());
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await expect(page).toHaveURL(/\/settings$/);
      // A session that has shown none is asked, and goes on with what was typed.
      const stale = await browser.newContext({
        baseURL: own.muster.url,
        storageState: own.session,
        ignoreHTTPSErrors: true,
        javaScriptEnabled: false,
      });
      const asked = await stale.newPage();
      await asked.goto('/tokens');
      await asked.getByLabel('Name', { exact: true }).fill('Nightly "export" & more');
      await asked.getByRole('button', { name: 'Create token' }).click();
      await asked.getByRole('textbox', { name: 'Code' }).fill('000000');
      await asked.getByRole('button', { name: 'Go on', exact: true }).click();
      await expect(asked.getByRole('alert')).toContainText('not right');
      await asked.getByRole('textbox', { name: 'Code' }).fill(await app.code());
      await asked.getByRole('button', { name: 'Go on', exact: true }).click();
      await expect(asked.locator('.once .hashbox')).toContainText('muster_');
      await expect(asked.getByRole('table')).toContainText('Nightly "export" & more');
      await stale.close();
    });
  });

  test('must be had by policy, and is taken away for a lost phone', async ({ page, browser, baseURL }) => {
    test.setTimeout(240_000);
    await page.goto('/sign-in?next=%2Fsettings');
    await signIn(page, IVO.email, IVO.password);
    await looksGood(page, 'second step');
    await page.getByRole('textbox', { name: 'Code' }).fill(await app.code());
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByLabel('Must have one').selectOption('managers');
    await page.locator('#second-factor').getByRole('button', { name: 'Save' }).click();
    await expect(flash(page)).toContainText('Saved');

    await invited(page, browser, baseURL ?? '', 'max@muster.example', 'support');
    await page.goto('/users');
    await page.getByRole('link', { name: 'support' }).click();
    await page.getByLabel('Role').selectOption('manager');
    await page.getByRole('button', { name: 'Save' }).click();
    const context = await browser.newContext({ baseURL, ignoreHTTPSErrors: true });
    const other = await context.newPage();
    await other.goto('/sign-in?next=%2Fapprovals');
    await signIn(other, 'max@muster.example', PASSWORD);
    await other.getByRole('button', { name: 'Set it up' }).click();
    await looksGood(other, 'a second factor is set up on the way in');
    const second = await secretOf(other);
    await other.getByRole('textbox', { name: 'Code' }).fill(await second.code());
    await other.getByRole('button', { name: 'Confirm and sign in' }).click();
    await expect(other.locator('.codes li')).toHaveCount(10);
    await other.getByRole('link', { name: 'I keep them, go on' }).click();
    await expect(other).toHaveURL(/\/approvals$/);

    await page.goto('/users');
    await page.getByRole('link', { name: 'support' }).click();
    await page.locator('#second-factors summary').click();
    await page.getByRole('button', { name: 'Take them away' }).click();
    await expect(flash(page)).toContainText('no second factor any more');
    await other.goto('/approvals');
    await expect(other).toHaveURL(/\/sign-in/);
    await context.close();
    await page.goto('/settings');
    await page.getByLabel('Must have one').selectOption('optional');
    await page.locator('#second-factor').getByRole('button', { name: 'Save' }).click();
    await expect(flash(page)).toContainText('Saved');
  });
});

test.describe('a passkey', () => {
  async function authenticator(page: Page): Promise<CDPSession> {
    const session = await page.context().newCDPSession(page);
    await session.send('WebAuthn.enable');
    await session.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    return session;
  }

  test('is made, signs in alone, is a second factor, and is refused once it is removed', async ({ page, context }) => {
    test.setTimeout(240_000);
    await authenticator(page);
    await page.goto('/sign-in');
    await expect(page.getByRole('button', { name: 'Sign in with a passkey' })).toBeVisible();
    await looksGood(page, 'sign-in with passkeys');
    await signIn(page, 'mia@muster.example', PASSWORD);
    await page.goto('/account/factors');
    await unfold(page, 'A passkey');
    await page.getByLabel('What you call it').last().fill('Laptop');
    await page.locator('#passkey_present').fill(PASSWORD);
    await page.getByRole('button', { name: 'Make a passkey' }).click();
    await expect(page.locator('.codes li')).toHaveCount(10);
    await page.goto('/account');
    await expect(page.locator('#second-factors')).toContainText('Passkey at localhost');
    await looksGood(page, 'an account with a passkey');

    await context.clearCookies();
    await page.goto('/sign-in?next=%2Faccount');
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await expect(page).toHaveURL(/\/account$/);

    await context.clearCookies();
    await page.goto('/sign-in?next=%2Faccount');
    await signIn(page, 'mia@muster.example', PASSWORD);
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await expect(page).toHaveURL(/\/account$/);

    await unfold(page, 'Rename');
    await page.locator('details[open] input[name=name]').fill('Work laptop');
    await page.locator('details[open]').getByRole('button', { name: 'Rename' }).click();
    await expect(page.locator('#second-factors')).toContainText('Work laptop');
    await unfold(page, 'Remove');
    await page.getByRole('button', { name: 'Remove it' }).click();
    await expect(flash(page)).toContainText('is removed');
    await context.clearCookies();
    await page.goto('/sign-in');
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await expect(page.getByRole('alert')).toContainText('was not accepted');
  });

  test.beforeAll(async ({ browser, own: { muster, session } }) => {
    const context = await browser.newContext({ baseURL: muster.url, storageState: session, ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await invited(page, browser, muster.url, 'mia@muster.example', 'operator');
    await context.close();
  });
});
