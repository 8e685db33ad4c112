/** What people come for, with JavaScript and without. */

import { account, flash, named, shownOnce, signIn, unfold } from '../fixture/hands.ts';
import { looksGood } from '../fixture/looks.ts';
import { ROLES } from '../fixture/muster.ts';
import { expect, test } from '../fixture/test.ts';
import { Api } from '../fixture/api.ts';

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript';
  /** Each variant changes devices of its own. */
  const own = javaScriptEnabled ? 0 : 100;

  test.describe(how, () => {
    test.use({ javaScriptEnabled });

    test.describe('coming in', () => {
      test.use({ role: 'nobody' });
      for (const role of ROLES) {
        test(`as ${role}, from the page that was asked for, and out again`, async ({ page, shared }) => {
          const { email, password } = account(shared, role);
          await page.goto('/batches');
          await expect(page).toHaveURL(/\/sign-in\?next=%2Fbatches$/);
          await signIn(page, email, password);
          await expect(page).toHaveURL(/\/batches$/);
          const navigation = page.getByRole('navigation', { name: 'Main', exact: true });
          const seesAudit = role !== 'support';
          const seesPeople = role === 'admin' || role === 'auditor';
          await expect(navigation.getByRole('link', { name: 'Audit' })).toHaveCount(seesAudit ? 1 : 0);
          await expect(navigation.getByRole('link', { name: 'Users' })).toHaveCount(seesPeople ? 1 : 0);
          await page.getByRole('button', { name: 'Sign out' }).first().click();
          await expect(flash(page)).toContainText('signed out');
          await page.goto('/batches');
          await expect(page).toHaveURL(/\/sign-in/);
        });
      }

      test('is refused with a wrong password, and the address is kept', async ({ page, shared }) => {
        await page.goto('/sign-in');
        await signIn(page, account(shared, 'manager').email, 'not the password');
        await expect(page.getByRole('alert')).toContainText('needs another look');
        await expect(page.getByLabel('Email')).toHaveValue(account(shared, 'manager').email);
        await expect(page.getByLabel('Password')).toHaveValue('');
      });
    });

    test('a device is found by serial and by a component, and its whole life is there', async ({ page, shared }) => {
      const { serial, identifier } = shared.demo.facts;
      await page.goto('/devices');
      for (const text of [serial, identifier]) {
        await page.getByLabel('Fleet query').fill(text);
        await page.getByRole('button', { name: 'Search', exact: true }).click();
        await expect(page).toHaveURL(/[?&]q=/);
        await expect(page.getByRole('rowheader', { name: serial })).toBeVisible();
      }
      await page.getByRole('link', { name: serial }).click();
      await expect(page.getByRole('heading', { level: 1 })).toContainText(serial);
      for (const question of ['Where is it?', 'What is it?', 'May it be trusted?', 'What runs on it?']) {
        await expect(page.getByRole('heading', { name: question })).toBeVisible();
      }
      await expect(page.getByText('From the factory to now')).toBeVisible();
      const views = page.getByRole('navigation', { name: 'Device', exact: true });

      await views.getByRole('link', { name: 'History' }).click();
      await expect(page.getByText(/Manufactured by/).first()).toBeVisible();
      await expect(page.getByText(/Shipped to/).first()).toBeVisible();

      await views.getByRole('link', { name: 'Manifests' }).click();
      await page.getByLabel('From', { exact: true }).selectOption('1');
      await page.getByLabel('to', { exact: true }).selectOption('2');
      await page.getByRole('button', { name: 'Compare' }).click();
      const parts = page.getByRole('region', { name: 'Components' });
      await expect(parts.getByText('Fitted', { exact: true }).last()).toBeVisible();
      await expect(parts.getByText('Removed', { exact: true })).toBeVisible();

      await views.getByRole('link', { name: 'Raw EPCIS' }).click();
      await expect(page.getByText('commissioning').first()).toBeVisible();
      const arriving = page.waitForEvent('download');
      await page.getByRole('link', { name: 'Download' }).click();
      const file = await (await arriving).createReadStream();
      const document = JSON.parse(Buffer.concat(await file.toArray()).toString()) as { type: string };
      expect(document.type).toBe('EPCISDocument');
    });

    test('a query with a mistake says where, and what was meant', async ({ page, shared }) => {
      await page.goto('/devices');
      await page.getByLabel('Fleet query').fill('modle:GW-200 state:active');
      await page.getByRole('button', { name: 'Search', exact: true }).click();
      await expect(page.getByRole('alert')).toContainText('Column 1');
      await page.getByRole('link', { name: /^Use model/ }).click();
      await expect(page.getByLabel('Fleet query')).toHaveValue('model:GW-200 state:active');
      await expect(page.getByRole('region', { name: 'Devices that match' })).toBeVisible();
      await page.getByRole('link', { name: 'Remove model' }).click();
      await expect(page.getByLabel('Fleet query')).toHaveValue('state:active');
      expect(shared.demo.url).toContain('https:');
    });

    test.describe('at a bench, on a phone', () => {
      test.use({ role: 'support', viewport: { width: 390, height: 844 } });

      test('custody, a note and a correction are recorded', async ({ page, shared }, { retry }) => {
        const serial = shared.demo.facts.spare[own + 5 * retry] ?? '';
        const { custodian } = shared.demo.facts;
        await page.goto(`/devices/${serial}`);
        for (const [verb, sentence] of [
          ['ship', 'Shipped to'],
          ['receive', 'Received by'],
          ['transfer', 'Transferred to'],
          ['return', 'Returned to'],
        ] as const) {
          await page.getByRole('link', { name: 'Record custody' }).click();
          await page.getByLabel('What happened').selectOption(verb);
          await page.getByLabel('Custodian', { exact: true }).selectOption(custodian);
          await page.getByLabel('Place', { exact: true }).fill('Bench 4');
          await page.getByLabel('Document, or reason of a return').fill(`Case ${verb}`);
          await page.getByRole('button', { name: 'Record', exact: true }).click();
          await expect(flash(page)).toContainText('Recorded');
          const entry = page.locator('li.ev', { hasText: `Case ${verb}` });
          await expect(entry).toContainText(sentence);
          await expect(entry).toContainText('Bench 4');
        }

        await page.getByRole('link', { name: 'Add a note' }).click();
        await page.getByLabel('Note', { exact: true }).fill('The lid is scratched.\n<b>Not</b> by us & "found so".');
        await page.getByRole('button', { name: 'Add the note' }).click();
        await expect(flash(page)).toContainText('Note added');
        const note = page.locator('li.ev', { hasText: 'The lid is scratched.' });
        await expect(note).toContainText('<b>Not</b> by us & "found so".');

        await note.locator('summary', { hasText: 'Correct' }).click();
        await note.getByLabel('What was wrong?').fill('Wrong device');
        await note.getByRole('button', { name: 'Strike it through' }).click();
        await expect(flash(page)).toContainText('Struck through');
        await expect(page.locator('li.ev.void', { hasText: 'Wrong device' })).toContainText('The lid is scratched.');
        await expect(page.locator('li.ev h4', { hasText: 'no longer counts' })).toHaveCount(1);
      });

      test('what was typed is kept when something is wrong', async ({ page, shared }, { retry }) => {
        const serial = shared.demo.facts.spare[own + 1 + 5 * retry] ?? '';
        await page.goto(`/devices/${serial}?do=custody`);
        await page.getByLabel('What happened').selectOption('transfer');
        await page.getByLabel('Custodian', { exact: true }).selectOption(shared.demo.facts.custodian);
        await page.getByLabel('When (UTC)').fill('2099-01-01T08:00');
        await page.getByLabel('Place', { exact: true }).fill('Depot <7>');
        await page.getByRole('button', { name: 'Record', exact: true }).click();
        await expect(page.getByRole('alert')).toContainText('lies in the future');
        await expect(page.getByLabel('What happened')).toHaveValue('transfer');
        await expect(page.getByLabel('Custodian', { exact: true })).toHaveValue(shared.demo.facts.custodian);
        await expect(page.getByLabel('Place', { exact: true })).toHaveValue('Depot <7>');
        const time = page.getByLabel('When (UTC)');
        await expect(time).toHaveAttribute('aria-invalid', 'true');
        await expect(time).toHaveAccessibleDescription(/lies in the future/);
        await time.fill('');
        await page.getByRole('button', { name: 'Record', exact: true }).click();
        await expect(flash(page)).toContainText('Recorded');
      });

      test('the menu leads everywhere', async ({ page }) => {
        await page.goto('/');
        await page.locator('.menu-phone summary').click();
        await page.getByRole('navigation', { name: 'Main, small screen' }).getByRole('link', { name: 'Batches' }).click();
        await expect(page).toHaveURL(/\/batches$/);
      });
    });

    test('whoever may not is told who may', async ({ as, shared }) => {
      const { serial } = shared.demo.facts;
      const auditor = await as('auditor');
      await auditor.goto(`/devices/${serial}`);
      for (const name of ['Record custody', 'Add a note']) {
        const button = auditor.getByRole('button', { name, exact: true });
        await expect(button).toBeDisabled();
        await expect(button).toHaveAttribute('title', /may do this/);
      }
      await expect(auditor.getByText('Correct', { exact: true })).toHaveCount(0);
      const manager = await as('manager');
      await manager.goto(`/devices/${serial}`);
      await expect(manager.getByRole('button', { name: 'Record custody' })).toBeDisabled();
      await expect(manager.getByRole('link', { name: 'Add a note' })).toBeVisible();
      expect((await manager.goto('/devices/custody'))?.status()).toBe(403);
      await expect(manager.getByRole('heading', { level: 1 })).toHaveText('Your role doesn\'t allow this');
      await expect(manager.getByText(/Operator, Support and Admin may do this/)).toBeVisible();

      const form = { form: 'custody', verb: 'transfer', custodian: shared.demo.facts.custodian };
      const refused = await manager.request.post(`/devices/${serial}/custody`, { form });
      expect(refused.status()).toBe(403);
      const admin = await as('admin');
      await admin.goto(`/audit?outcome=denied&subject=device:${serial}`);
      await expect(admin.getByText('manager@muster.example').first()).toBeVisible();
    });

    test('a view is kept and deleted, and its CSV has its rows', async ({ page, api, shared }, { retry }) => {
      const query = `batch:${shared.demo.facts.batch} state:active`;
      const name = named(`Own view ${how}`, retry);
      await page.goto(`/devices?q=${encodeURIComponent(query)}`);
      await unfold(page, 'Save this view');
      await page.getByLabel('Name').fill(name);
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      const views = page.getByRole('navigation', { name: 'Views' });
      await expect(views.getByRole('link', { name })).toHaveAttribute('aria-current', /page|true/);

      // Other tests change devices of the same batch, also between the two.
      await expect(async () => {
        const arriving = page.waitForEvent('download');
        await page.getByRole('link', { name: 'CSV', exact: true }).click();
        const file = await (await arriving).createReadStream();
        const lines = Buffer.concat(await file.toArray()).toString().trim().split(/\r?\n/);
        expect(lines[0]).toContain('serial');
        expect(lines.length - 1).toBe(await api.count(query));
      }).toPass({ timeout: 60_000 });

      await unfold(page, 'This view');
      await page.getByRole('button', { name: 'Delete this view' }).click();
      await expect(views.getByRole('link', { name })).toHaveCount(0);
    });

    test('all that match are selected and recorded at once', async ({ page, api, shared }) => {
      const prefix = (shared.demo.facts.spare[own + 60] ?? '').slice(0, -1);
      const query = `serial:${prefix}*`;
      const number = await api.count(query);
      expect(number).toBeGreaterThan(1);
      await page.goto(`/devices?q=${encodeURIComponent(query)}&select=all`);
      await expect(page.getByText(`All ${number} that match are selected`)).toBeVisible();
      await page.getByRole('button', { name: 'Record custody' }).click();
      await expect(page.getByText(`${number} devices`).first()).toBeVisible();
      await page.getByLabel('What happened').selectOption('transfer');
      await page.getByLabel('Custodian', { exact: true }).selectOption('acme-logistics');
      await page.getByLabel('Document, or reason of a return').fill('Bulk 7');
      await page.getByRole('button', { name: 'Record for all' }).click();
      await expect(flash(page)).toContainText(`Recorded in the history of ${number} devices`);
      expect(await api.count(`${query} custodian:"Acme Logistics"`)).toBe(number);
    });

    test('a colleague is added, chooses a password, changes it, and signs out everywhere', async ({ as }, { retry }) => {
      const email = `noa.${javaScriptEnabled ? 'js' : 'plain'}${retry || ''}@muster.example`;
      const [first, second] = ['a first sentence to remember', 'another sentence, to be kept'];
      const admin = await as('admin');
      await admin.goto('/users');
      await admin.getByLabel('Name', { exact: true }).fill('Noa Peretz');
      await admin.getByLabel('Email', { exact: true }).fill(email);
      await admin.getByLabel('Role').selectOption('support');
      await admin.locator('form[action="/users"]').getByRole('button', { name: 'Add user' }).click();
      const link = await shownOnce(admin);
      if (javaScriptEnabled) await looksGood(admin, 'a link that is shown once');
      await admin.goto(`/users?q=${email}`);
      await admin.getByRole('link', { name: 'Noa Peretz' }).click();
      await expect(admin.getByRole('heading', { level: 1 })).toContainText('Invited');
      await expect(admin.locator('.once')).toHaveCount(0);

      const noa = await as('nobody');
      await noa.goto(link);
      await noa.getByLabel('Password').fill('short');
      await noa.getByRole('button', { name: 'Keep it and sign in' }).click();
      await expect(noa.getByRole('alert')).toContainText('12 characters');
      if (javaScriptEnabled) await looksGood(noa, 'choosing a password, with an error');
      await noa.getByLabel('Password').fill(first);
      await noa.getByRole('button', { name: 'Keep it and sign in' }).click();
      await expect(noa.getByRole('heading', { level: 1 })).toHaveText('Fleet');
      expect((await noa.goto(link))?.status()).toBe(410);

      const elsewhere = await as('nobody');
      await elsewhere.goto('/sign-in');
      await signIn(elsewhere, email, first);
      await expect(elsewhere.getByRole('heading', { level: 1 })).toHaveText('Fleet');

      await noa.goto('/account');
      await expect(noa.getByRole('region', { name: 'Your sessions' }).getByRole('row')).toHaveCount(3);
      await noa.getByLabel('Present password').fill('not this one at all');
      await noa.getByLabel('New password').fill(second);
      await noa.getByRole('button', { name: 'Change password' }).click();
      await expect(noa.getByRole('alert')).toBeVisible();
      await noa.getByLabel('Present password').fill(first);
      await noa.getByLabel('New password').fill(second);
      await noa.getByRole('button', { name: 'Change password' }).click();
      await expect(flash(noa)).toContainText('Your password is changed');
      await elsewhere.goto('/account');
      await expect(elsewhere).toHaveURL(/\/sign-in/);
      await signIn(elsewhere, email, second);
      await expect(elsewhere).toHaveURL(/\/account$/);

      await noa.getByRole('button', { name: 'Sign out everywhere' }).click();
      await expect(flash(noa)).toContainText('signed out everywhere');
      await elsewhere.goto('/devices');
      await expect(elsewhere).toHaveURL(/\/sign-in/);

      await signIn(elsewhere, email, second);
      await unfold(admin, 'Disable');
      await admin.getByRole('button', { name: 'Disable the account' }).click();
      await expect(flash(admin)).toContainText("can't sign in any more");
      await elsewhere.goto('/devices');
      await expect(elsewhere).toHaveURL(/\/sign-in/);
    });

    test.describe('as an administrator', () => {
      test.use({ role: 'admin' });

      test('a token works as its role until it is revoked', async ({ page, shared }, { retry }) => {
        const name = named(`Nightly export ${how}`, retry);
        await page.goto('/tokens');
        await page.getByLabel('Name').fill(name);
        await page.getByLabel('Role').selectOption('auditor');
        await page.locator('form[action="/tokens"]').getByRole('button', { name: 'Create token' }).click();
        const api = await Api.of(shared.demo.url, await shownOnce(page));
        expect((await api.raw('/devices?limit=1')).status()).toBe(200);
        const refused = await api.context.post(`/api/v1/devices/${shared.demo.facts.serial}/notes`, { data: { text: 'no' } });
        expect(refused.status()).toBe(403);
        expect(refused.headers()['content-type']).toContain('application/problem+json');
        await page.goto('/tokens');
        const row = page.getByRole('row', { name });
        await row.locator('summary').click();
        await row.getByRole('button', { name: 'Revoke it' }).click();
        await expect(page.getByRole('row', { name })).toContainText('Revoked');
        expect((await api.raw('/devices?limit=1')).status()).toBe(401);
        await api.dispose();
      });

      test('the audit log is verified', async ({ page }) => {
        await page.goto('/audit');
        await page.getByRole('button', { name: 'Verify the chain' }).click();
        await expect(flash(page)).toContainText(/[\d,]+ entries, unbroken/);
      });

      test('a custodian is entered, and changed', async ({ page }, { retry }) => {
        const name = named(`Polder ${javaScriptEnabled ? 'Pumps' : 'Mills'} & Co`, retry);
        await page.goto('/custodians');
        await page.getByLabel('Name', { exact: true }).fill(name);
        await page.getByLabel('Kind', { exact: true }).selectOption('client');
        await page.getByLabel('Town', { exact: true }).fill('Gouda');
        await page.getByRole('button', { name: 'Add custodian' }).click();
        await expect(flash(page)).toContainText(`${name} is entered`);
        await page.getByLabel('Town', { exact: true }).fill('Delft');
        await page.getByRole('button', { name: 'Save' }).click();
        await expect(flash(page)).toContainText('is saved');
        await expect(page.getByLabel('Town', { exact: true })).toHaveValue('Delft');
      });
    });

    test('the theme is kept', async ({ page }) => {
      await page.goto('/account');
      for (const [name, word] of [['Dark', 'dark'], ['Light', 'light']] as const) {
        await page.getByRole('button', { name, exact: true }).click();
        await expect(page.locator('html')).toHaveAttribute('data-theme', word);
        await page.goto('/batches');
        await expect(page.locator('html')).toHaveAttribute('data-theme', word);
        await page.goto('/account');
      }
      await page.getByRole('button', { name: /^Theme: light/ }).first().click();
      await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
    });
  });
}

test.describe('by link', () => {
  test.use({ role: 'nobody' });

  test('a one-time link signs in, once', async ({ page, shared }, { retry }) => {
    // One that was used is gone for good.
    const { link } = account(shared, retry ? 'operator' : 'auditor');
    await page.goto(link);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Fleet');
    expect((await page.goto(link))?.status()).toBe(410);
  });
});

test.describe('for the first time', () => {
  test.use({ place: 'fresh', role: 'nobody' });

  test('somebody sets Muster up', async ({ page, shared }) => {
    await page.goto(shared.fresh.setUp);
    await looksGood(page, 'set-up');
    await page.getByLabel('Your name').fill('Ines Faber');
    await page.getByLabel('Email').fill('ines@muster.example');
    await page.getByLabel('Password').fill('too short');
    await page.getByRole('button', { name: 'Make the account' }).click();
    await expect(page.getByRole('alert')).toContainText('12 characters');
    await expect(page.getByLabel('Your name')).toHaveValue('Ines Faber');
    await looksGood(page, 'set-up with an error');
    await expect(page.getByLabel('Email')).toHaveValue('ines@muster.example');
    await page.getByLabel('Password').fill('a good long sentence');
    await page.getByRole('button', { name: 'Make the account' }).click();
    await expect(flash(page)).toContainText('Your account is made');
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    expect((await page.goto(shared.fresh.setUp))?.status()).toBe(410);
  });
});
