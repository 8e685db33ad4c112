/** Signing in at a real provider of identities (OpenID Connect), by groups, with JavaScript and without. */

import { request, type Browser, type BrowserContext, type Page } from '@playwright/test';
import { flash } from '../fixture/hands.ts';
import { looksGood } from '../fixture/looks.ts';
import { Muster } from '../fixture/muster.ts';
import { Cluster } from '../fixture/postgres.ts';
import { Idp } from '../fixture/provider.ts';
import { expect, test as shared } from '../fixture/test.ts';

const OWNER = { name: 'Olu Okoro', email: 'olu@muster.example', password: 'nobody guesses a sentence' };

interface House {
  muster: Muster;
  /** The session of a local administrator. */
  owner: Awaited<ReturnType<BrowserContext['storageState']>>;
}

/** The factory whose CA is asked for with JavaScript and without: in one house nobody asks for the same twice. */
const WORKS = { true: 'First works', false: 'Second works' };

/** A console of this worker, and its provider. */
const test = shared.extend<object, { house: House }>({
  house: [
    async ({ shared: { cluster } }, use) => {
      const idp = await Idp.start();
      const muster = await Muster.start('serve', idp.options(), cluster ? Cluster.at(cluster) : undefined);
      idp.serve(muster.url);
      const browser = await request.newContext({ baseURL: muster.url, ignoreHTTPSErrors: true });
      await browser.post(new URL(await muster.setUpLink()).pathname, { form: OWNER, maxRedirects: 0 });
      for (const name of Object.values(WORKS)) {
        await browser.post('/custodians', { form: { name, kind: 'factory' }, maxRedirects: 0 });
      }
      await use({ muster, owner: await browser.storageState() });
      await browser.dispose();
      await muster.stop();
      await idp.stop();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  baseURL: async ({ house }, use) => use(house.muster.url),
  storageState: async ({}, use) => use({ cookies: [], origins: [] }),
});

/** At the provider's own page. */
async function enter(page: Page, account: string): Promise<void> {
  await expect(page.getByRole('heading', { name: 'Company ID' })).toBeVisible();
  await page.getByLabel('Account').fill(account);
  await page.getByRole('button', { name: 'Enter' }).click();
}

async function comeBy(page: Page, path: string, account: string): Promise<void> {
  await page.goto(path);
  await page.getByRole('link', { name: 'Sign in with Company ID' }).click();
  await enter(page, account);
}

/** The local administrator's browser. */
async function owner(browser: Browser, { muster, owner: storageState }: House): Promise<Page> {
  return (await browser.newContext({ baseURL: muster.url, storageState, ignoreHTTPSErrors: true })).newPage();
}

test('the sign-in page, and what it says to who is refused', async ({ page, browser, house }) => {
  test.setTimeout(240_000);
  await page.goto('/sign-in');
  await looksGood(page, 'sign-in with a provider');
  await comeBy(page, '/devices', 'nora');
  await expect(page.getByRole('alert')).toContainText('none of your groups there has a role here');
  await looksGood(page, 'sign-in, refused');
  const context = await browser.newContext({ baseURL: house.muster.url, ignoreHTTPSErrors: true });
  const left = await context.newPage();
  await left.goto('/sign-in');
  await left.getByRole('link', { name: 'Sign in with Company ID' }).click();
  await left.getByRole('button', { name: 'Leave' }).click();
  await expect(left.getByRole('alert')).toContainText('was left, or refused there');
  await context.close();
  const admin = await owner(browser, house);
  await admin.goto('/audit?subject=user%3Anora%40company.example');
  await expect(admin.getByRole('table').first()).toContainText('Denied');
  await admin.context().close();
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript', () => {
    test.use({ javaScriptEnabled });

    test('an operator asks, a manager signs in anew to approve, both by their groups', async ({ page, browser, house }) => {
      test.setTimeout(240_000);
      await comeBy(page, '/authorities/new', 'olga');
      await expect(page, 'where they wanted to go').toHaveURL(/\/authorities\/new$/);
      const works = WORKS[`${javaScriptEnabled}`];
      await page.getByLabel('Kind').selectOption('factory');
      await page.getByLabel('Name').fill(`CA of ${works}`);
      await page.getByLabel('Factory', { exact: true }).selectOption({ label: works });
      await page.getByRole('button', { name: 'Ask for approval' }).click();
      await expect(page).toHaveURL(/\/approvals\/[0-9a-f-]{36}$/);
      const approval = new URL(page.url()).pathname;

      const context = await browser.newContext({ baseURL: house.muster.url, ignoreHTTPSErrors: true, javaScriptEnabled });
      const manager = await context.newPage();
      await comeBy(manager, approval, 'mara');
      await expect(manager).toHaveURL(new RegExp(`${approval}$`));
      await manager.getByLabel('Reason').fill('Agreed.');
      await manager.getByRole('button', { name: /^Approve/ }).click();
      await expect(manager.getByRole('heading', { name: 'Show again who you are' })).toBeVisible();
      if (javaScriptEnabled) await looksGood(manager, 'asked to sign in anew');
      // Whoever is still signed in there is asked all the same.
      await manager.getByRole('link', { name: 'Sign in at Company ID again' }).click();
      await enter(manager, 'mara');
      await expect(manager, 'back where they were').toHaveURL(new RegExp(`${approval}$`));
      await expect(flash(manager)).toContainText('You showed who you are');
      await manager.getByLabel('Reason').fill('Agreed.');
      await manager.getByRole('button', { name: /^Approve/ }).click();
      await expect(flash(manager)).toContainText('Approved');

      await manager.goto('/account');
      await expect(manager.getByText('Your role follows from your groups there.')).toBeVisible();
      if (javaScriptEnabled) await looksGood(manager, 'an account of the provider');
      await manager.getByRole('main').getByRole('button', { name: 'Sign out', exact: true }).click();
      await manager.getByRole('link', { name: 'Sign out there, too' }).click();
      await expect(manager).toHaveURL(/\/session\/end\?client_id=muster$/);
      await context.close();
    });
  });
}

test('administrators see whose an account is, and there is a way in past the provider', async ({ page, browser, house }) => {
  test.setTimeout(240_000);
  await comeBy(page, '/', 'alan');
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  const admin = await owner(browser, house);
  await admin.goto('/users');
  await expect(admin.getByRole('row', { name: /Alan Abara/ })).toContainText('provider');
  await admin.getByRole('link', { name: 'Alan Abara' }).click();
  await expect(admin.locator('#provider')).toContainText('alan');
  await looksGood(admin, 'an account of the provider, to an administrator');
  await admin.goto('/users?q=olu');
  await admin.getByRole('link', { name: OWNER.name }).click();
  await expect(admin.locator('#provider')).toContainText('Not linked');
  await looksGood(admin, 'an account that is not linked');
  await admin.context().close();
});
