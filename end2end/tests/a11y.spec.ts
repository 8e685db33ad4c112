/** Every page, dark and light, wide and narrow: nothing for axe to find, nothing for the console to complain about. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { awake, closeDialog, openKeys } from '../fixture/hands.ts';
import { looksGood } from '../fixture/looks.ts';
import { EMPTY, ELSEWHERE, PAGES } from '../fixture/pages.ts';
import { expect, test } from '../fixture/test.ts';

for (const { name, path, role = 'admin', status = 200 } of PAGES) {
  test.describe(() => {
    test.use({ role });
    test(name, async ({ page, shared }) => {
      const answer = await page.goto(path(shared));
      expect(answer?.status()).toBe(status);
      await looksGood(page, name);
    });
  });
}

test.describe('with nothing in it', () => {
  test.use({ place: 'empty', role: 'admin' });
  for (const path of EMPTY) {
    test(path, async ({ page }) => {
      expect((await page.goto(path))?.status()).toBe(200);
      await looksGood(page, `empty ${path}`);
    });
  }
});

test.describe('the list above', () => {
  test.use({ role: 'admin' });

  test('has every page that the navigation leads to', async ({ page, shared }) => {
    await page.goto('/');
    const links = page.getByRole('navigation', { name: 'Main', exact: true }).getByRole('link');
    const known = new Set(PAGES.map(({ path }) => path(shared)));
    const hrefs = await links.evaluateAll((all) => all.map((link) => link.getAttribute('href') ?? ''));
    expect(hrefs.length).toBeGreaterThan(5);
    expect(hrefs.filter((href) => !known.has(href))).toEqual([]);
  });

  test('has every route of the program', () => {
    const source = readFileSync(join(import.meta.dirname, '../../app/src/pages/mod.rs'), 'utf8');
    const routes = [...source.matchAll(/path!\("([^"]*)"\)/g)].map(([, route]) => route ?? '');
    const covered = new Set([...PAGES.map(({ route }) => route), ...ELSEWHERE]);
    expect(routes.length).toBeGreaterThan(10);
    expect(routes.filter((route) => !covered.has(route))).toEqual([]);
  });

  test('opens its menus and dialogs without a fault', async ({ page, shared }) => {
    await page.goto('/devices');
    await awake(page);
    await page.keyboard.press('Control+k');
    await expect(page.getByRole('dialog')).toBeVisible();
    await looksGood(page, 'palette');
    await closeDialog(page);
    await openKeys(page);
    await looksGood(page, 'keys');
    await page.goto(`/devices/${shared.demo.facts.serial}`);
    for (const menu of await page.locator('details:visible').all()) {
      await menu.evaluate((details: HTMLDetailsElement) => (details.open = true));
    }
    await looksGood(page, 'device with everything open');
  });
});
