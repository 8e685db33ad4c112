/** What is taken away: bills of materials, supply chains, and where a part ever was. */

import { readFileSync } from 'node:fs';
import { objections, values, type Bom } from '../fixture/cyclonedx.ts';
import { objections as gs1, type EpcisDocument } from '../fixture/epcis.ts';
import { expect, test } from '../fixture/test.ts';

async function taken(page: import('@playwright/test').Page, name: string | RegExp): Promise<string> {
  const arriving = page.waitForEvent('download');
  await page.getByRole('link', { name }).first().click();
  return readFileSync(await (await arriving).path(), 'utf8');
}

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript', () => {
    test.use({ javaScriptEnabled });

    test('each manifest is taken as a bill of materials that CycloneDX accepts', async ({ page, shared, api }) => {
      const { serial, batch } = shared.demo.facts;
      await page.goto(`/devices/${serial}?tab=manifests`);
      const bom = JSON.parse(await taken(page, 'CycloneDX file of v1')) as Bom;
      expect(objections(bom)).toEqual([]);
      expect(values(bom.metadata.component, 'cdx:device:serialNumber')).toEqual([serial]);
      expect(values(bom.metadata.component, 'cdx:device:lotNumber')).toEqual([batch]);
      const manifests = await api.get<{ items: Array<{ version: number }> }>(`/devices/${serial}/manifests`);
      for (const { version } of manifests.items) {
        expect(objections(await api.get(`/devices/${serial}/manifests/${version}/hbom`)), `v${version}`).toEqual([]);
      }
      expect((await api.raw(`/devices/${serial}/manifests/99/hbom`)).status()).toBe(404);
      expect((await api.raw(`/devices/${serial}/manifests/x/hbom`)).status()).toBe(404);
    });

    test('a supply chain is read, filtered and taken', async ({ page, shared }) => {
      const { batch } = shared.demo.facts;
      await page.goto(`/batches/${batch}`);
      await page.getByRole('link', { name: 'Supply chain' }).click();
      await expect(page.getByRole('heading', { level: 1 })).toContainText(`Supply chain of batch ${batch}`);
      await expect(page.getByText(/This page tells of \d+ devices/)).toBeVisible();
      const table = await taken(page, 'CSV, all of it');
      expect(table.split('\r\n')[0]).toMatch(/^when,how,supplier,/);
      expect(table.split('\r\n').length).toBeGreaterThan(100);
      await page.getByLabel('From').fill('2001-01-01');
      await page.getByLabel('To', { exact: true }).fill('2001-01-02');
      await page.getByRole('button', { name: 'Show' }).click();
      await expect(page.getByText('Nothing was supplied in this period')).toBeVisible();
      await page.goto(`/batches/${batch}/supply-chain?from=2001-01-02&to=2001-01-01`);
      await expect(page.getByRole('alert')).toContainText('The last day is before the first.');
    });

    test('a part is found by the beginning of its identifier, and every device that had it', async ({ page, shared }) => {
      const { serial, identifier } = shared.demo.facts;
      await page.goto('/');
      await page.getByRole('navigation', { name: 'Main', exact: true }).getByRole('link', { name: 'Parts' }).click();
      await expect(page.getByRole('heading', { name: /Types of parts/ })).toBeVisible();
      await page.getByLabel(/Identifier of a part/).fill(identifier.slice(0, -1));
      await page.getByRole('button', { name: 'Find' }).click();
      await page.getByRole('link', { name: identifier, exact: true }).first().click();
      await expect(page.getByRole('heading', { level: 1 })).toContainText(identifier);
      await page.getByRole('region', { name: 'Parts in devices' }).getByRole('link', { name: serial, exact: true }).click();
      await expect(page.getByRole('heading', { level: 1 })).toContainText(serial);
    });
  });
}

test('a batch with its parts is what GS1 accepts', async ({ shared, api }) => {
  const document = await api.get<EpcisDocument>(`/batches/${shared.demo.facts.batch}/epcis`);
  expect(gs1(document)).toEqual([]);
  const parts = document.epcisBody.eventList.filter((event) => event.type === 'AssociationEvent');
  expect(new Set(parts.map((event) => event.bizStep))).toContain('assembling');
});

test('parts are found by programs', async ({ shared, api }) => {
  const { serial, identifier } = shared.demo.facts;
  const found = await api.get<{ items: Array<{ device: string }> }>(`/parts?identifier=${encodeURIComponent(identifier)}`);
  expect(found.items.map((stay) => stay.device)).toContain(serial);
  expect((await api.raw('/parts')).status()).toBe(400);
});
