/** Webhooks as an admin has them: added, tested, told, failing, sent again, paused and removed. With JavaScript and without. */

import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createHmac } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { flash, shownOnce } from '../fixture/hands.ts';
import { looksGood } from '../fixture/looks.ts';
import { expect, test } from '../fixture/test.ts';

interface Got {
  headers: IncomingMessage['headers'];
  body: string;
}

/** What a receiver computes with a secret that it was given. */
function signature(secret: string, { headers, body }: Got): string {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  return `v1,${createHmac('sha256', key).update(text).digest('base64')}`;
}

/** A receiver that answers with the status that it was told last. */
class Receiver {
  readonly got: Got[] = [];
  status = 204;
  private constructor(private readonly server: Server) {}

  static async start(): Promise<Receiver> {
    const server = createServer();
    const receiver = new Receiver(server);
    server.on('request', (request, answer) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        receiver.got.push({ headers: request.headers, body: Buffer.concat(pieces).toString() });
        answer.writeHead(receiver.status).end();
      });
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/muster`;
  }

  /**
   * The tests that came, the first one first, each as it came last. More may come beside them: other files of tests share this console,
   * and a rollout of theirs may be halted meanwhile; and who answers late is told the same again.
   */
  get tests(): Got[] {
    const tests = this.got.filter(({ body }) => (JSON.parse(body) as { type: string }).type === 'webhook.test');
    return [...new Map(tests.map((got) => [got.headers['webhook-id'], got])).values()];
  }

  stop(): void {
    this.server.close();
  }
}

/** A delivery waits for its turn, also on a busy machine. */
const SOON = { timeout: 30_000 };

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript', () => {
    test.use({ javaScriptEnabled, role: 'admin' });

    test('a webhook is added, tested, sent again, paused and removed', async ({ page }) => {
      test.setTimeout(120_000);
      const receiver = await Receiver.start();
      await page.goto('/webhooks');
      await page.getByLabel('Address of the receiver').fill('http://hooks.example/');
      await page.getByRole('button', { name: 'Add webhook' }).click();
      await expect(page.getByRole('alert')).toContainText('https://');
      await expect(page.getByLabel('Address of the receiver')).toHaveValue('http://hooks.example/');
      await page.getByLabel('Address of the receiver').fill(receiver.url);
      await page.getByLabel('A rollout was halted').check();
      await page.getByRole('button', { name: 'Add webhook' }).click();
      const secret = await shownOnce(page);
      expect(secret).toMatch(/^whsec_/);
      if (javaScriptEnabled) await looksGood(page, 'a new webhook');

      await page.goto('/webhooks');
      await page.getByRole('link', { name: receiver.url }).click();
      await page.getByRole('button', { name: 'Send a test' }).click();
      await expect(flash(page)).toContainText('on its way');
      await expect.poll(() => receiver.tests.length, SOON).toBe(1);
      const [{ headers, body }] = receiver.tests as [Got];
      expect(headers['webhook-signature']).toBe(signature(secret, { headers, body }));
      expect(JSON.parse(body)).toMatchObject({ data: { webhook: new URL(page.url()).pathname.split('/').pop() } });
      const row = page.getByRole('row', { name: 'webhook.test' }).first();
      await expect.poll(async () => (await page.reload(), row.innerText()), SOON).toContain('Delivered');

      // A new secret signs beside the one that the receiver has.
      await page.locator('summary', { hasText: 'Change the secret' }).click();
      await page.getByRole('button', { name: 'Change it' }).click();
      const second = await shownOnce(page);
      expect(second).not.toBe(secret);
      await expect(page.getByText('Old secret signs until')).toBeVisible();
      if (javaScriptEnabled) await looksGood(page, 'a webhook with another secret');
      await page.goto('/webhooks');
      await page.getByRole('link', { name: receiver.url }).click();
      await expect(page.getByText(second)).toHaveCount(0);
      await page.getByRole('button', { name: 'Send a test' }).click();
      await expect.poll(() => receiver.tests.length, SOON).toBe(2);
      const [, rotated] = receiver.tests as [Got, Got];
      expect(rotated.headers['webhook-signature']).toBe([secret, second].map((one) => signature(one, rotated)).join(' '));
      await expect.poll(async () => (await page.reload(), row.innerText()), SOON).toContain('Delivered');

      const before = receiver.got.length;
      receiver.status = 422;
      // The first message, which is listed last.
      const first = page.getByRole('row', { name: 'webhook.test' }).last();
      await first.getByRole('button', { name: 'Send webhook.test' }).click();
      // It comes with the same id. Beside it may come what was sent before, once more: who answers late is told again.
      const ids = (): unknown[] => receiver.got.slice(before).map((got) => got.headers['webhook-id']);
      await expect.poll(ids, SOON).toContain(headers['webhook-id']);
      await expect.poll(async () => (await page.reload(), first.innerText()), SOON).toContain('It answered 422');
      if (javaScriptEnabled) await looksGood(page, 'a webhook that fails');

      await page.getByRole('button', { name: 'Pause' }).click();
      await expect(page.locator('.head .badge')).toContainText('Paused');
      await page.getByRole('button', { name: 'Let it go on' }).click();
      await expect(page.locator('.head .badge')).toContainText('Active');
      await page.locator('summary', { hasText: 'Remove' }).click();
      await page.getByRole('button', { name: 'Remove the webhook' }).click();
      await expect(flash(page)).toContainText('removed');
      await expect(page.getByText(receiver.url)).toHaveCount(0);
      receiver.stop();
    });
  });
}
