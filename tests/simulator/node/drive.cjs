// What the test asks of the SDK; prints one JSON object. Settings come in as JSON on the command line.
const { XeroClient, Invoice } = require("xero-node");

async function main({ clientId, clientSecret, tenant, contact, tokens }) {
  const xero = new XeroClient({ clientId, clientSecret, redirectUris: ["https://here.test/back"], scopes: ["offline_access"] });
  await xero.initialize();
  xero.setTokenSet(tokens);

  const invoices = Array.from({ length: 50 }, (_, place) => ({
    type: Invoice.TypeEnum.ACCREC,
    contact: { contactID: contact },
    invoiceNumber: `NODE-${place}`,
    date: "2026-11-20",
    dueDate: "2026-12-20",
    status: Invoice.StatusEnum.AUTHORISED,
    lineItems: [{ description: "Crew", quantity: 1, unitAmount: 100, accountCode: place % 10 === 0 ? "299" : "200" }],
  }));
  const created = (await xero.accountingApi.createInvoices(tenant, { invoices }, false, 4)).body.invoices;

  const numbers = ["NODE-1", "NODE-2", "NODE-10"];
  const found = await xero.accountingApi.getInvoices(
    tenant, undefined, undefined, undefined, undefined, numbers, undefined, undefined, 1,
  );
  const refreshed = await xero.refreshWithRefreshToken(clientId, clientSecret, tokens.refresh_token);
  const byOpenId = await xero.refreshToken();
  const tenants = await xero.updateTenants();

  console.log(JSON.stringify({
    created: created.filter((one) => !one.hasErrors).map((one) => one.invoiceNumber),
    refused: created.filter((one) => one.hasErrors).map((one) => one.validationErrors.map((error) => error.message)),
    found: found.body.invoices.map((one) => [one.invoiceNumber, one.total]),
    rotated: refreshed.refresh_token !== tokens.refresh_token && byOpenId.refresh_token !== refreshed.refresh_token,
    tenants: tenants.map((one) => [one.tenantId, one.tenantName, one.orgData.name]),
  }));
}

main(JSON.parse(process.argv[2])).catch((wrong) => {
  console.error(wrong instanceof Error ? wrong.stack : JSON.stringify(wrong).slice(0, 2000));
  process.exit(1);
});
