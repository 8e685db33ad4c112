import { existsSync } from 'node:fs';
import { defineConfig } from '@playwright/test';
import { PATIENCE } from './fixture/patience.ts';

const database = process.env.MUSTER_E2E_DB ?? 'sqlite';

/** The browser: what the environment names, else the system's, best the one without windows; Playwright's own where none is there. */
const SYSTEM = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium', '/usr/bin/chromium-browser'];
const browser = process.env.MUSTER_E2E_BROWSER ?? SYSTEM.find(existsSync);

export default defineConfig({
  testDir: 'tests',
  globalSetup: './fixture/setup.ts',
  // Pages, keys and forms without JavaScript are the same whatever the fleet is kept in; journeys are not.
  testIgnore: database === 'sqlite' ? [] : ['**/screenshots.spec.ts', '**/a11y.spec.ts', '**/keyboard.spec.ts'],
  grepInvert: database === 'sqlite' ? undefined : /without JavaScript/,
  fullyParallel: true,
  workers: 2,
  // A busy machine may miss a moment; what fails twice is broken. What passes at the second try is reported as flaky.
  retries: 1,
  forbidOnly: Boolean(process.env.CI),
  timeout: 120_000,
  expect: { timeout: PATIENCE },
  reporter: [['list']],
  outputDir: 'test-results',
  use: {
    ignoreHTTPSErrors: true,
    actionTimeout: PATIENCE,
    navigationTimeout: 2 * PATIENCE,
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: browser,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
