// A whole app on xero-node, from consent to revocation; prints one JSON object: what each step gave.
const http = require("node:http");
const { XeroClient, Invoice } = require("xero-node");

// What a person does in the browser: log in, choose the organisation, allow. Gives the address they are sent back to.
function posted(path, form) {
  const place = new URL(path, process.env.SIMULATOR);
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  return new Promise((resolve, reject) => {
    const request = http.request(place, { method: "POST", headers }, (reply) => {
      reply.resume();
      resolve(reply.headers.location);
    });
    request.on("error", reject);
    request.end(new URLSearchParams(form).toString());
  });
}

const refused = (promise) => promise.then(() => "taken", (wrong) => (wrong.response ? wrong.response.statusCode || wrong.response.status : JSON.parse(wrong).response.statusCode));

async function main({ clientId, clientSecret, tenant, contact, scopes }) {
  const config = { clientId, clientSecret, redirectUris: ["https://here.test/back"], scopes, state: "s-1", grantType: "authorization_code" };
  const xero = new XeroClient(config);
  const said = {};

  const consent = new URL(await xero.buildConsentUrl());
  const user = "anna@harbour.test";
  const back = await posted("/identity/simulator/consent", { query: consent.search.slice(1), user, tenant, decision: "allow" });
  const tokens = await xero.apiCallback(back);
  said.login = [tokens.claims().email, tokens.scope.split(" ").includes("payroll.employees")];
  said.tenants = (await xero.updateTenants()).map((one) => [one.tenantId, one.orgData.name]);

  const api = xero.accountingApi;
  const body = async (call) => (await call).body;
  said.lists = {
    organisations: (await body(api.getOrganisations(tenant))).organisations.length,
    actions: (await body(api.getOrganisationActions(tenant))).actions.length,
    accounts: (await body(api.getAccounts(tenant, undefined, 'Status=="ACTIVE" AND Type=="REVENUE"', "Code ASC"))).accounts.map((one) => one.code),
    taxRates: (await body(api.getTaxRates(tenant, "CanApplyToRevenue==true", "Name ASC"))).taxRates.length,
    currencies: (await body(api.getCurrencies(tenant))).currencies.length,
    items: (await body(api.getItems(tenant, undefined, undefined, "Code DESC", 4))).items.map((one) => one.code),
    themes: (await body(api.getBrandingThemes(tenant))).brandingThemes.length,
    tracking: (await body(api.getTrackingCategories(tenant, undefined, "Name ASC", true))).trackingCategories.map((one) => one.name),
    contacts: (await body(api.getContacts(tenant, undefined, 'ContactStatus=="ACTIVE"', "Name ASC", undefined, 1, true))).contacts.length,
    contact: (await body(api.getContact(tenant, contact))).contacts[0].name,
  };

  const line = { description: "Crew", quantity: 1, unitAmount: 100, accountCode: "200" };
  const invoice = (number, other) => ({
    type: Invoice.TypeEnum.ACCREC, contact: { contactID: contact }, invoiceNumber: number, date: "2026-11-20",
    dueDate: "2026-12-20", status: Invoice.StatusEnum.AUTHORISED, lineItems: [line], ...other,
  });
  const [made] = (await body(api.createInvoices(tenant, { invoices: [invoice("APP-1")] }, false, 4))).invoices;
  said.created = [made.invoiceNumber, made.status, made.total];
  said.refused = await refused(api.createInvoices(tenant, { invoices: [invoice("APP-1")] }, true, 4));
  const update = (change) => body(api.updateInvoice(tenant, made.invoiceID, { invoices: [change] }, 4));
  said.updated = (await update({ reference: "PO 7" })).invoices[0].reference;
  said.emailed = (await api.emailInvoice(tenant, made.invoiceID, {})).response.status;
  said.read = (await body(api.getInvoice(tenant, made.invoiceID, 4))).invoices[0].sentToContact;
  said.listed = (await body(api.getInvoices(tenant, undefined, 'Status=="AUTHORISED"', "InvoiceNumber ASC", undefined, undefined, undefined, undefined, 1))).invoices.map((one) => one.invoiceNumber);
  said.voided = (await update({ status: Invoice.StatusEnum.VOIDED })).invoices[0].status;

  // What is not modelled is refused, and says so.
  said.notModelled = [
    await refused(api.getInvoiceHistory(tenant, made.invoiceID)),
    await refused(api.getContactAttachments(tenant, contact)),
    await refused(api.getQuotes(tenant)),
    await refused(api.createItems(tenant, { items: [{ code: "NEW" }] })),
  ];

  const before = tokens.refresh_token;
  said.rotated = (await xero.refreshToken()).refresh_token !== before;
  await xero.disconnect(xero.tenants[0].id);
  said.disconnected = (await xero.updateTenants(false)).length;
  said.afterDisconnect = await refused(api.getOrganisations(tenant));
  const last = xero.readTokenSet().refresh_token;
  await xero.revokeToken();
  said.revoked = await xero.refreshWithRefreshToken(clientId, clientSecret, last).then(() => "alive", () => "ended");
  console.log(JSON.stringify(said));
}

main(JSON.parse(process.argv[2])).catch((wrong) => {
  console.error(wrong instanceof Error ? wrong.stack : JSON.stringify(wrong).slice(0, 2000));
  process.exit(1);
});
