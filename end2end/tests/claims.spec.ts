/** Labels on sheets, and a device claimed by one: on a phone, with JavaScript and without. */

import type { Page } from '@playwright/test';
import jsQR from 'jsqr';
import { account, flash, signIn, unfold } from '../fixture/hands.ts';
import { looksGood } from '../fixture/looks.ts';
import { expect, test } from '../fixture/test.ts';

/** What a scanner reads of the first QR code on the page: it is drawn as the browser draws it. */
async function scanned(page: Page): Promise<string> {
  const { data, side } = await page.locator('svg.qr').first().evaluate(async (svg: SVGElement) => {
    const side = 400;
    const copy = svg.cloneNode(true) as SVGElement;
    copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
    copy.setAttribute('width', String(side));
    copy.setAttribute('height', String(side));
    const image = new Image();
    image.src = `data:image/svg+xml;base64,${btoa(new XMLSerializer().serializeToString(copy))}`;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = side;
    const pen = canvas.getContext('2d');
    if (!pen) throw new Error('There is nothing to draw with.');
    pen.fillStyle = '#fff';
    pen.fillRect(0, 0, side, side);
    pen.drawImage(image, 0, 0, side, side);
    return { data: [...pen.getImageData(0, 0, side, side).data], side };
  });
  const read = jsQR(Uint8ClampedArray.from(data), side, side);
  if (!read) throw new Error('The QR code can not be read.');
  return read.data;
}

test('a sheet is what paper takes, and its codes can be scanned', async ({ page, shared }) => {
  const batch = shared.demo.facts.batch;
  await page.goto(`/batches/${batch}`);
  await page.getByRole('link', { name: 'Labels' }).click();
  await page.getByLabel('Labels at once').fill('600');
  await page.getByRole('button', { name: 'Show the labels' }).click();
  await expect(page.getByRole('alert')).toContainText('1 to 500');
  await page.getByLabel('Labels at once').fill('24');
  await page.getByRole('button', { name: 'Show the labels' }).click();
  await expect(page.locator('.sheet.three')).toHaveCount(1);
  await looksGood(page, 'a sheet of labels');
  const address = new URL(await scanned(page));
  expect(address.origin).toBe(new URL(shared.demo.url).origin);
  expect(decodeURIComponent(address.pathname)).toBe(`/c/${await page.locator('.sticker h2').first().innerText()}`);

  await page.emulateMedia({ media: 'print' });
  await expect(page.locator('.sheet-bar')).toBeHidden();
  const label = await page.locator('.sticker').first().boundingBox();
  // 70 × 37 mm at 96 dots an inch.
  expect(Math.round(label?.width ?? 0)).toBe(265);
  expect(Math.round(label?.height ?? 0)).toBe(140);
  const paper = (await page.pdf({ preferCSSPageSize: true })).toString('latin1');
  const boxes = [...paper.matchAll(/\/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]/g)];
  expect(boxes.map(([, width, height]) => [Math.round(Number(width)), Math.round(Number(height))])).toEqual([[595, 842]]);
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript', () => {
    test.use({ javaScriptEnabled, viewport: { width: 390, height: 844 }, role: 'support' });

    test('a device is sold, labelled anew and claimed on a phone, once', async ({ page, as, shared, api }, { retry }) => {
      const serial = shared.demo.facts.spare.at((javaScriptEnabled ? -1 : -2) - 2 * retry) ?? '';
      const operator = await as('operator');
      // Sold back: the old label is void, and the device can be claimed again.
      const { items } = await api.get<{ items: Array<{ code: string; kind: string }> }>('/custodians');
      const depot = items.find((one) => one.kind === 'distributor')?.code ?? '';
      await operator.goto(`/devices/${serial}?do=return`);
      await operator.getByLabel('Custodian', { exact: true }).selectOption(depot);
      await operator.getByRole('button', { name: 'Record', exact: true }).click();
      await expect(flash(operator)).toContainText('Recorded');
      await expect(operator.locator('#holding')).toContainText('Not claimed');
      // A page without a script can't draw; another one scans for it.
      const scanner = javaScriptEnabled ? operator : undefined;
      await operator.goto(`/labels?q=${encodeURIComponent(`serial:${serial}`)}`);
      await operator.getByRole('button', { name: 'Show the labels' }).click();
      const code = (await operator.locator('.sticker .code').innerText()).trim();
      const path = scanner ? new URL(await scanned(scanner)) : undefined;

      await page.goto(path ? `${path.pathname}${path.hash}` : `/c/${serial}`);
      if (javaScriptEnabled) await looksGood(page, 'claiming a device');
      if (javaScriptEnabled) await expect(page.getByLabel('Claim code')).toHaveValue(code.replace('-', ''));
      await page.getByLabel('Client', { exact: true }).selectOption({ index: 1 });
      await page.getByLabel('Place').fill('Depot 4');
      await page.getByLabel('Claim code').fill('00000-00001');
      await page.getByRole('button', { name: 'Claim it for the client' }).click();
      await expect(page.getByRole('alert')).toContainText('mistyped');
      await expect(page.getByLabel('Place')).toHaveValue('Depot 4');
      await page.getByLabel('Claim code').fill(code.toLowerCase());
      await page.getByRole('button', { name: 'Claim it for the client' }).click();
      await expect(flash(page)).toContainText('Claimed for');
      await expect(page.locator('#holding')).toContainText('Claimed');
      await page.goto(`/c/${serial}`);
      await expect(page.getByText('Its label counts no more')).toBeVisible();
      await expect(page.getByLabel('Claim code')).toHaveCount(0);

      await operator.goto(`/devices/${serial}?do=retire`);
      await operator.getByLabel('Destroyed').check();
      await operator.getByLabel('Why, or how that is known').fill('Shredded, certificate 4711');
      await operator.getByRole('button', { name: 'End its use' }).click();
      await expect(flash(operator)).toContainText('Recorded in the history of 1 device');
      await expect(operator.locator('.head')).toContainText('Retired');
      await unfold(operator, 'Retire or destroy');
    });
  });
}

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'a label scanned signed out' : 'a label scanned signed out, without JavaScript', () => {
    test.use({ javaScriptEnabled, viewport: { width: 390, height: 844 }, role: 'nobody' });

    test('keeps its code past the sign-in, or says what to do', async ({ page, shared, api }) => {
      const serial = (await api.devices('kind:factory trust:trusted', 1))[0]?.serial ?? '';
      await page.goto(`/c/${serial}#7K3M9QXR2J`);
      await expect(page).toHaveURL(/\/sign-in\?/);
      const { email, password } = account(shared, 'support');
      // What stands in <noscript> is no text to Playwright, but is shown.
      const says = expect(page.locator('form').first());
      if (!javaScriptEnabled) await says.toContainText('scan the label again', { useInnerText: true });
      await signIn(page, email, 'not the password');
      await expect(page.getByRole('alert')).toBeVisible();
      await signIn(page, email, password);
      await expect(page).toHaveURL(new RegExp(`/c/${serial}`));
      const code = page.getByLabel('Claim code');
      await expect(code).toHaveValue(javaScriptEnabled ? '7K3M9QXR2J' : '');
      if (!javaScriptEnabled) return;
      // The next label in the same tab changes the fragment alone.
      await page.evaluate(() => {
        location.hash = '000000000G';
      });
      await expect(code).toHaveValue('000000000G');
    });
  });
}
