// The client that openapi-generator (typescript-fetch) makes.
import { Configuration, EventsApi, InEventsFromJSON, ReadsApi } from './made';
import { one, signed, three, two, url, what } from './signing';

async function publish() {
  const sign = {
    pre: async ({ url: address, init }: { url: string; init: RequestInit }) => {
      const headers = await signed(init.method ?? 'GET', address, String(init.body));
      return { url: address, init: { ...init, headers: { ...init.headers, ...headers } } };
    },
  };
  const events = new EventsApi(new Configuration({ basePath: url, middleware: [sign] }));
  const inEvents = InEventsFromJSON(JSON.parse(three));
  const answer = await events.publishEvents({ webhookId: '-', webhookTimestamp: '0', webhookSignature: 'v2,', inEvents });
  if (!('request' in answer)) throw new Error('an answer to many');
  return { request: answer.request, invoices: answer.invoices };
}

async function read() {
  const reads = new ReadsApi(new Configuration({ basePath: url, accessToken: one }));
  const { total, exported, failed } = await reads.readRequest({ company: two, requestId: three });
  return { total, exported, failed };
}

(what === 'publish' ? publish() : read()).then(
  (found) => console.log(JSON.stringify(found)),
  async (wrong) => { throw new Error((await wrong.response?.text()) ?? wrong); },
);
