/**
 * The README's pictures. They go to `test-results/screens`, so that a run of the tests changes no file of the project;
 * `MUSTER_E2E_SCREENS=../docs/screens npx playwright test screenshots` makes those that the README shows.
 */

import { mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Page } from '@playwright/test';
import { HEADER, row, upload } from '../fixture/files.ts';
import { ends, send } from '../fixture/imports.ts';
import { expect, test } from '../fixture/test.ts';

const FOLDER = resolve(import.meta.dirname, '..', process.env.MUSTER_E2E_SCREENS ?? 'test-results/screens');
const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
type Scheme = 'light' | 'dark';

async function shoot(page: Page, name: string, scheme: Scheme): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
  const path = join(FOLDER, `${name}-${scheme}.png`);
  await page.screenshot({ path, animations: 'disabled', caret: 'hide', scale: 'css' });
  expect(statSync(path).size, `${path} in bytes`).toBeLessThan(300_000);
}

const SCENES: Array<[name: string, path: (serial: string) => string]> = [
  ['overview', () => '/'],
  ['devices', () => `/devices?q=${encodeURIComponent('state:active component:lte -trust:trusted')}`],
  ['device', (serial) => `/devices/${serial}`],
  ['rollout', () => '/rollouts/gateways-to-1-5-0-by-evidence'],
  ['experiment', () => '/rollouts/1-5-1-beside-1-5-0/experiment'],
];

test.use({ viewport: DESK });

for (const [name, path] of SCENES) {
  test(name, async ({ page, shared }) => {
    await page.goto(path(shared.demo.facts.suspect));
    for (const scheme of ['light', 'dark'] as const) await shoot(page, name, scheme);
  });
}

test('import', async ({ page }) => {
  let text = HEADER;
  for (let n = 1; n <= 1_500; n += 1) text += row('2026-12-A', n);
  text = text.replace('2026-12-A-000640,TX-10,A,2026-12-A,brno,Brno Works,2025', '2026-12-A-000640,TX-10,A,2026-12-A,brno,Brno Works,2106');
  text = text.replace('B-2026-12-A-001200', 'B-2026-12-A-000012');
  await send(page, upload('brno-2026-12-A.csv', text), { mode: 'try' });
  await ends(page, 'Refused');
  for (const scheme of ['light', 'dark'] as const) await shoot(page, 'import', scheme);
});

test.describe('on a phone', () => {
  test.use({ viewport: PHONE, role: 'support' });

  test('phone', async ({ page, shared }) => {
    await page.goto(`/devices/${shared.demo.facts.suspect}`);
    for (const scheme of ['light', 'dark'] as const) await shoot(page, 'phone', scheme);
  });
});
