// openapi-fetch, with the types that openapi-typescript makes.
import createClient from 'openapi-fetch';
import type { components, paths } from './made';
import { one, signed, three, two, url, what } from './signing';

const client = createClient<paths>({ baseUrl: url });

async function publish() {
  client.use({
    async onRequest({ request }) {
      const headers = await signed(request.method, request.url, await request.clone().text());
      for (const [name, value] of Object.entries(headers)) request.headers.set(name, value);
      return request;
    },
  });
  const body: components['schemas']['In.Event'] = {
    specversion: '1.0',
    id: `${three}/1`,
    source: 'crewcard',
    type: 'invoice.export.requested',
    data: {
      company: 'harbour',
      request: three,
      requested_by: { id: 'anna', name: 'Anna Berg' },
      mode: 'single',
      invoices: [
        {
          id: three,
          number: three,
          client: { id: 'acme', name: 'ACME Ltd' },
          date: '2026-11-20',
          due_date: '2026-12-20',
          currency: 'USD',
          lines: [{ description: 'Crew, one day', quantity: '1', unit_amount: '640.00' }],
        },
      ],
    },
  };
  const header = { 'webhook-id': '-', 'webhook-timestamp': '0', 'webhook-signature': 'v2,' };
  const { data, error } = await client.POST('/v1/events', { body, params: { header } });
  if (!data || !('request' in data)) throw new Error(JSON.stringify(error));
  return { request: data.request, invoices: data.invoices };
}

async function read() {
  const headers = { Authorization: `Bearer ${one}` };
  const path = { company: two, request_id: three };
  const { data } = await client.GET('/v1/companies/{company}/requests/{request_id}', { headers, params: { path } });
  if (!data) throw new Error('no answer');
  return { total: data.total, exported: data.exported, failed: data.failed };
}

(what === 'publish' ? publish() : read()).then((found) => console.log(JSON.stringify(found)));
