// What every client signs with: nothing but the platform's own cryptography.
declare const process: { argv: string[] };
export const [what, url, one, two, three] = process.argv.slice(2);

const random = () => crypto.randomUUID();
const seconds = () => String(Math.floor(Date.now() / 1000));

/** The headers of a request signed with version 2. */
export async function signed(method: string, address: string, body: string) {
  const { pathname, search } = new URL(address);
  const [id, at] = [random(), seconds()];
  const secret = Uint8Array.from(atob(two.replace(/^whsec_/, '')), (letter) => letter.charCodeAt(0));
  const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const said = new TextEncoder().encode(`${id}.${at}.${method} ${pathname}${search}\n${body}`);
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, said));
  return {
    'x-crewcard-key': one,
    'webhook-id': id,
    'webhook-timestamp': at,
    'webhook-signature': `v2,${btoa(String.fromCharCode(...mac))}`,
  };
}
