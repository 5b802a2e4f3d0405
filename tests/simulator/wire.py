"""A simulator on loopback, asked over real sockets."""

import httpx

from tests.simulator.desk import ORGANISATION, TENANT, an_invoice

PATH = "/api.xro/2.0/Invoices?summarizeErrors=false"


class Wire:
    """A simulator on loopback and a client that says what became of a call."""

    def __init__(self, simulator, url):
        self.state = simulator.state
        self.state.reset()
        self.http = httpx.Client(base_url=url, timeout=5)
        self.http.post("/_simulator/organisations", json=ORGANISATION)
        self.http.post("/_simulator/apps", json={"client_id": "app", "client_secret": "secret"})
        grant = {"client_id": "app", "user": "anna", "tenants": [TENANT]}
        self.pair = self.http.post("/_simulator/grants", json=grant).json()
        self.headers = {"authorization": f"Bearer {self.pair['access_token']}", "xero-tenant-id": TENANT}

    def fault(self, **wanted):
        assert self.http.put("/_simulator/faults", json=wanted).status_code == 200

    def put(self, *numbers, **more):
        body = {"Invoices": [an_invoice(number) for number in numbers]}
        return self.http.put(PATH, json=body, headers=self.headers, **more)

    @property
    def books(self):
        return {one["InvoiceNumber"] for one in self.state.world.organisations[TENANT].invoices.values()}
