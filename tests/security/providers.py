"""Providers of single sign-on on loopback: a real one from a package, and one that answers whatever it is told to."""

import contextlib
import subprocess
import sys
import time
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests import machines

CLIENT, SECRET = "crewcard-console", "a client secret, known to both"
ROLES = {"groups": {"xero-admins": "admin", "xero-support": "support", "everybody": "read"}}


def settings(issuer, **other):
    """What an installation is set to for this provider."""
    chosen = {"oidc_issuer": issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET, "oidc_name": "Crew ID"}
    return {**chosen, "oidc_roles": ROLES, **other}


@contextlib.contextmanager
def a_provider():
    """`oidc-provider-mock` in a process of its own; gives its address."""
    port = machines.a_free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    machines.wait_for(lambda: machines._answers(f"{url}/.well-known/openid-configuration"))
    try:
        yield url
    finally:
        process.terminate()
        process.wait()


def someone(issuer, sub, **claims):
    """A person whom the provider knows; `groups` decides about the role."""
    said = {"email": f"{sub}@crewcard.example", "email_verified": True, "name": sub.title(), **claims}
    httpx.put(f"{issuer}/users/{sub}", json=said).raise_for_status()


def sign_in(browser, sub, back="/console"):
    """The answer at the callback, after this person signed in at the provider."""
    return browser.get(at_the_provider(browser.get(f"/console/sso?back={back}"), sub))


def at_the_provider(answer, sub):
    """Signs in there; gives the address of ours that it leads back to."""
    assert answer.status_code == 303, answer.text
    back = httpx.post(answer.headers["location"], data={"sub": sub})
    assert back.status_code == 302, back.text[:2000]
    return back.headers["location"]


class Hostile:
    """A provider whose key is right, and whose answers are as wrong as a test wants."""

    def __init__(self):
        self.key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
        self.claims, self.header, self.signs_with = {}, {}, self.key
        self.discovery = {}
        self.asked = []
        self.seen = {}
        self.url = ""

    @contextlib.contextmanager
    def running(self):
        port = machines.a_free_port()
        self.url = f"http://127.0.0.1:{port}"
        with machines.a_website(self._app(), port):
            yield self

    def _app(self):
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        def discovery():
            at = {name: f"{self.url}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
            return {"issuer": self.url, **at, **self.discovery}

        @app.get("/jwks_uri")
        def keys():
            return {"keys": [self.key.as_dict(private=False)]}

        @app.get("/authorization_endpoint")
        def authorize(request: Request):
            self.asked.append(dict(request.query_params))
            code = {"code": "c1", "state": request.query_params["state"]}
            return RedirectResponse(f"{request.query_params['redirect_uri']}?{urlencode(code)}", 302)

        @app.post("/token_endpoint")
        async def token(request: Request):
            self.seen = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
            return JSONResponse({"access_token": "a1", "token_type": "Bearer", "id_token": self.id_token()})

        return app

    def id_token(self):
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": "anna",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": self.asked[-1]["nonce"],
            "email": "anna@crewcard.example",
            "email_verified": True,
            "groups": ["xero-admins"],
            **self.claims,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": "RS256", "kid": "k1", **self.header}
        return jwt.encode(header, kept, self.signs_with, algorithms=[header["alg"]])


def query(address):
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
