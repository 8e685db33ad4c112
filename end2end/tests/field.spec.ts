/** Real devices in the field, and what people do about what they report: Debian's SWUpdate and the browser. */

import type { Page } from '@playwright/test';
import type { Api } from '../fixture/api.ts';
import { objections, type Bom } from '../fixture/cyclonedx.ts';
import { objections as gs1, type EpcisDocument } from '../fixture/epcis.ts';
import { flash, unfold } from '../fixture/hands.ts';
import type { Program } from '../fixture/programs.ts';
import { Kit } from '../fixture/swupdate.ts';
import { expect, test } from '../fixture/test.ts';

interface Component {
  slot: string;
  identifier: string;
  removed_at: string | null;
}

/** A trusted gateway that a client has, the WLAN module that its manifest lists, and one that is in no device. */
async function gateway(api: Api, nth: number): Promise<{ serial: string; listed: string; other: string; version: number }> {
  const query = 'model:GW-200 state:active trust:trusted kind:client component:wlan';
  const found = (await api.devices(query, 200)).at(-nth);
  if (!found) throw new Error(`The demo has no device that fits: ${query}`);
  const { items } = await api.get<{ items: Component[] }>(`/devices/${found.serial}/components`);
  const listed = items.find((part) => part.slot === 'wlan0' && !part.removed_at)?.identifier ?? '';
  expect(listed).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
  const other = `${listed.slice(0, 8)}:fe:dc:${String(10 + (nth % 90))}`;
  return { serial: found.serial, listed, other, version: found.manifest_version };
}

/** Reloads until it is shown: a device comes when it comes. */
async function appears(page: Page, what: () => Promise<void>): Promise<void> {
  await expect(async () => {
    await page.reload();
    await what();
  }).toPass({ timeout: 60_000 });
}

/** What the history tells, the first event first. */
async function story(page: Page, serial: string): Promise<string[]> {
  await page.goto(`/devices/${serial}?tab=history`);
  const told = await page.locator('#history .tl li').allInnerTexts();
  return told.map((event) => event.replaceAll(/\s+/g, ' ')).reverse();
}

/** That these are told in this order, whatever is told in between. */
function inOrder(told: string[], sentences: RegExp[]): void {
  let from = 0;
  for (const sentence of sentences) {
    const at = told.slice(from).findIndex((event) => sentence.test(event));
    expect(at, `${sentence} among:\n${told.slice(from).join('\n')}`).toBeGreaterThanOrEqual(0);
    from += at + 1;
  }
}

/** That the swap stands in what is given to others, as GS1 and CycloneDX accept it. */
async function isTaken(api: Api, serial: string, swap: { out: string; in: string; version: number }): Promise<void> {
  const document = await api.get<EpcisDocument>(`/devices/${serial}/epcis`);
  expect(gs1(document)).toEqual([]);
  const parts = document.epcisBody.eventList.filter((event) => event.type === 'AssociationEvent').slice(-2);
  expect(parts.map((event) => [event.action, event.bizStep]).sort()).toEqual([
    ['ADD', 'installing'],
    ['DELETE', 'removing'],
  ]);
  for (const event of parts) {
    const part = event.action === 'ADD' ? swap.in : swap.out;
    expect(decodeURIComponent(JSON.stringify(event.childEPCs)).toLowerCase()).toContain(part);
  }
  const bom = await api.get<Bom>(`/devices/${serial}/manifests/${swap.version}/hbom`);
  expect(objections(bom)).toEqual([]);
  expect(JSON.stringify(bom)).toContain(swap.in);
  expect(JSON.stringify(bom)).not.toContain(swap.out);
}

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript', () => {
    test.use({ javaScriptEnabled, role: 'support', viewport: { width: 390, height: 844 } });

    test('a changed WLAN module is found, repaired on a phone, and the device says so itself', async ({ page, api, as }) => {
      test.setTimeout(180_000);
      const { serial, listed, other, version } = await gateway(api, javaScriptEnabled ? 31 : 37);
      const operator = await as('operator');
      const kit = await Kit.of(operator, serial);
      try {
        // It polls, and says what it is.
        const first = kit.start(listed);
        await page.goto(`/devices/${serial}`);
        await appears(page, () => expect(page.locator('#reported')).toContainText(`Fits manifest v${version}`, { timeout: 500 }));
        await expect(page.locator('#reported').getByRole('row', { name: /wlan0/ })).toContainText(listed);
        await first.stop('SIGKILL');

        // Somebody changes its module, and nobody records it.
        await page.getByRole('button', { name: 'Ask again' }).click();
        await expect(flash(page)).toContainText('asked to report');
        const changed = kit.start(other);
        await appears(page, () => expect(page.locator('#reported')).toContainText('1 difference', { timeout: 500 }));
        await changed.stop('SIGKILL');
        const slot = page.getByRole('rowheader', { name: /wlan0/ });
        const row = page.locator('#reported').getByRole('row').filter({ has: slot });
        await expect(row).toContainText(listed);
        await expect(row).toContainText(other);
        await expect(row).toContainText('Differs');
        const sentence = `In slot wlan0 (WLAN) it reports ${other}, but its manifest lists ${listed}.`;
        await expect(page.locator('#reasons')).toContainText(sentence);
        await page.goto('/findings?kind=hardware_mismatch');
        const finding = page.getByRole('row', { name: new RegExp(serial) });
        await expect(finding).toContainText(sentence);
        await expect(finding).toContainText('Open');

        // It was us: one tap, and the part is entered already.
        await page.goto(`/devices/${serial}`);
        await page.getByRole('link', { name: 'This was us: wlan0' }).click();
        await page.getByRole('button', { name: 'Open the repair' }).click();
        await expect(flash(page)).toContainText('is open');
        const code = new URL(page.url()).pathname.split('/').pop() ?? '';
        await expect(page.getByText(`In: ${other}`)).toBeVisible();
        await page.getByLabel('What is done, and why').fill('Module replaced on site');
        await page.getByRole('button', { name: 'Authorise', exact: true }).click();
        await expect(flash(page)).toContainText('Authorised');
        await expect(page.getByRole('heading', { level: 1 })).toContainText('device’s report');

        // It reports again: exactly what the next manifest lists.
        kit.start(other);
        await appears(page, () => expect(page.getByRole('heading', { level: 1 })).toContainText('Closed', { timeout: 500 }));
        await page.goto(`/devices/${serial}`);
        await expect(page.locator('#reported')).toContainText(`Fits manifest v${version + 1}`);
        await expect(page.locator('#reported')).not.toContainText('Differs');
        await expect(page.getByText('Trusted', { exact: true }).first()).toBeVisible();
        await page.goto('/findings?kind=hardware_mismatch');
        await expect(page.getByRole('row', { name: new RegExp(serial) })).toHaveCount(0);

        inOrder(await story(page, serial), [
          /Certificate issued/,
          new RegExp(`Hardware reported: exactly manifest v${version} .*By: ${serial}`),
          new RegExp(`Hardware mismatch: .*${other}.*${listed}`),
          new RegExp(`Repair opened, case ${code} Symptom: The device reports another part in wlan0`),
          new RegExp(`Repair authorised, case ${code}`),
          new RegExp(`WLAN swapped, manifest v${version + 1} .*Module replaced on site.*${listed}.*${other}`),
          new RegExp(`Repair closed, case ${code} Outcome: The device reports exactly manifest version ${version + 1}`),
          /Released: trusted again Reason: What it reports fits its manifest/,
          new RegExp(`Hardware reported: exactly manifest v${version + 1} .*By: ${serial}`),
        ]);
        await isTaken(api, serial, { out: listed, in: other, version: version + 1 });
      } finally {
        await kit.end();
      }
    });
  });
}

test.describe('a copied identity', () => {
  test.use({ role: 'manager' });

  test('is found with both addresses, held, and released after triage', async ({ page, api, as }) => {
    test.setTimeout(180_000);
    const { serial, listed } = await gateway(api, 43);
    const kit = await Kit.of(await as('operator'), serial);
    try {
      // SWUpdate polls as it starts, and then as often as it is told to: every five minutes, for which no test waits. So
      // both are started anew in turn, each while the other runs.
      await page.goto(`/devices/${serial}`);
      let running: Program | undefined;
      const why = page.locator('#why');
      for (let turn = 0; turn < 12 && (await why.count()) === 0; turn += 1) {
        const address = `127.0.0.${1 + (turn % 2)}`;
        const next = kit.start(listed, address);
        await appears(page, async () => {
          const shown = page.locator('#why, #reported').filter({ hasText: new RegExp(`Clone suspected|from ${address}`) });
          await expect(shown.first()).toBeVisible({ timeout: 500 });
        });
        await running?.stop('SIGKILL');
        running = next;
      }
      await running?.stop('SIGKILL');
      await expect(why).toContainText('Clone suspected');
      const sentence = /alive at two addresses at once: 127\.0\.0\.\d and 127\.0\.0\.\d polled in turn/;
      await expect(why).toContainText(sentence);
      await expect(why).toContainText('127.0.0.1');
      await expect(why).toContainText('127.0.0.2');
      // What the device's record says follows the act a moment later.
      await appears(page, () => expect(page.locator('#access')).toContainText('On hold', { timeout: 500 }));
      await expect(page.getByText('Quarantined', { exact: true }).first()).toBeVisible();

      // Whoever mends devices sees it, and may not settle it.
      const support = await as('support');
      await support.goto('/findings?kind=clone_suspected');
      await expect(support.getByRole('row', { name: new RegExp(serial) })).toContainText(sentence);
      await support.getByRole('row', { name: new RegExp(serial) }).getByRole('link', { name: 'Clone suspected' }).click();
      await expect(support.getByRole('button', { name: 'Settle it' })).toHaveCount(0);

      await page.goto('/findings?kind=clone_suspected');
      const finding = page.getByRole('row', { name: new RegExp(serial) });
      await finding.getByRole('link', { name: 'Clone suspected' }).click();
      await page.getByLabel('What came of it?').fill('A test bench had the same kit; it was wiped.');
      await page.getByRole('button', { name: 'Settle it' }).click();
      await expect(flash(page)).toContainText('Settled');
      await page.goto(`/devices/${serial}`);
      await unfold(page, 'Release from hold');
      await page.getByLabel('Why it may come back').fill('The bench was wiped.');
      await page.getByRole('button', { name: 'Release it from hold' }).click();
      await appears(page, () => expect(page.getByText('Trusted', { exact: true }).first()).toBeVisible({ timeout: 500 }));
      await expect(page.locator('#access')).not.toContainText('On hold');

      // It is let in again, and alone it raises nothing.
      await page.getByRole('button', { name: 'Ask again' }).click();
      await expect(page.locator('#reported')).toContainText('It is asked again');
      kit.start(listed);
      await appears(page, () => expect(page.locator('#reported')).not.toContainText('It is asked again', { timeout: 500 }));
      await expect(why).toHaveCount(0);
      inOrder(await story(page, serial), [
        /Certificate issued/,
        /Clone suspected: .*127\.0\.0\.1.*/,
        /Certificate on hold/,
        /Released: trusted again .*The bench was wiped/,
      ]);
    } finally {
      await kit.end();
    }
  });
});
