"""Settings, from the environment. `.env.example` and a page of docs are written from here (`make reference`)."""

import ipaddress
import os
import sys
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from events import credentials
from store.unit_of_work import database_address
from worker import logs
from worker.decisions import addresses
from worker.decisions.rights import Role

# Old names, taken until release 0.3.0, and what each is called now.
RENAMED = {
    "tend": "login_care_seconds",
    "lease": "lease_seconds",
    "connect_timeout": "connect_timeout_seconds",
    "read_timeout": "read_timeout_seconds",
    "settle": "settle_seconds",
    "sweep": "sweep_seconds",
    "expiry": "expiry_seconds",
    "minute": "minute_seconds",
}
_OLD_FIELDS: dict[str, Any] = dict.fromkeys(RENAMED, (str | None, None))
_OldNames = create_model("_OldNames", __base__=BaseSettings, **_OLD_FIELDS)
_LONGEST_CALL = "CONNECT_TIMEOUT_SECONDS and READ_TIMEOUT_SECONDS together"


class Settings(BaseSettings):
    """Everything that can be set. Times are seconds."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    database_url: str = Field(
        default="sqlite:///var/crewcard-xero.sqlite",
        description="SQLite file, or PostgreSQL in production: postgresql://user@host/name; behind PgBouncer in "
        "transaction mode with ?prepare_threshold=0",
    )
    migration_database_url: str = Field(
        default="",
        description="The same database for `crewcard-xero migrate`, with the account that owns the tables; empty: "
        "DATABASE_URL's",
    )
    lock_timeout_seconds: float = Field(default=30, ge=1, le=60, description="Longest wait for a lock in PostgreSQL")
    statement_timeout_seconds: float = Field(default=60, ge=5, le=60, description="Longest statement in PostgreSQL")
    door_wait_seconds: float = Field(
        default=0.75, ge=0.2, le=30, description="Longest wait of the doors for a lock or a connection; then a 503"
    )
    redis_url: str = Field(
        default="", description="Redis or Valkey; empty: `crewcard-xero up` starts one for this machine"
    )
    encryption_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        description="Keys for secrets at rest, newest first, separated by commas; make one with: crewcard-xero key"
    )
    public_url: str = Field(default="http://127.0.0.1:8700", description="Where hosts and browsers reach the doors")
    web_host: str = Field(
        default="127.0.0.1", description="Address the web process listens on; `::` is every one, of IPv4 too"
    )
    web_port: int = Field(default=8700, description="Port the web process listens on")
    drain_seconds: float = Field(
        default=0, ge=0, le=600, description="So long web answers on, not ready, once it was told to stop (SIGTERM)"
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Addresses or networks of the proxies in front, separated by commas; "
        "X-Forwarded-For and X-Forwarded-Proto are believed from them alone",
    )
    connections_per_address: int = Field(
        default=100, ge=4, description="Connections of one address at once; those of TRUSTED_PROXIES are not counted"
    )
    connections_at_once: int = Field(
        default=4000, ge=16, description="Connections of all at once, at most what the limit of open files leaves"
    )
    bodies_in_memory: int = Field(
        default=200_000_000,
        ge=40_000_000,
        description="Bytes of hosts' bodies that a web process holds at once, without the first 256 kB of each; "
        "beyond it a 503 asks to come again",
    )
    session_hours: float = Field(default=12, gt=0, le=168, description="How long a sign-in to the console lasts")
    session_idle_minutes: float = Field(
        default=30, gt=0, le=1440, description="After so many minutes in which nobody did anything a sign-in is over"
    )
    second_factor: Literal["required", "waived"] = Field(
        default="required",
        description="required: who can change anything signs in with an authenticator app too. waived: nobody is "
        "asked, nor has to show again that it is them; only where PUBLIC_URL and Xero are on this machine: a demo",
    )
    passwords: bool = Field(
        default=True, description="People may sign in with a password; false: only by OIDC_ISSUER, or once by a link"
    )
    oidc_issuer: str = Field(default="", description="Single sign-on (OpenID Connect): the provider; empty: none")
    oidc_client_id: str = Field(default="", description="Client id of this console at the provider")
    oidc_client_secret: str = Field(default="", repr=False, description="Its client secret")
    oidc_name: str = Field(default="single sign-on", description="What people call the provider: “Sign in with …”")
    oidc_scopes: str = Field(default="openid email profile", description="What the provider is asked for")
    oidc_user: str = Field(
        default="email", description="Claim that becomes the user's id; an email counts only where it is verified"
    )
    oidc_roles: dict[str, dict[str, Role]] = Field(
        default={},
        description="Which claim gives which role, as JSON; the highest counts: "
        '{"groups": {"xero-admins": "admin", "xero-support": "support"}}',
    )
    link_base: str = Field(
        default="https://app.crewcard.example/invoices",
        description="Page of an invoice in CrewCard, for invoices that come without a link of their own",
    )
    webhook_url: str = Field(default="", description="Where the host wants its events; empty: no webhooks")
    webhook_secret: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Signing secrets of the webhooks (whsec_…), newest first, separated by commas"
    )
    webhook_batch: int = Field(default=1, ge=1, le=100, description="Events that go to WEBHOOK_URL in one POST")
    webhook_private_addresses: bool = Field(
        default=False, description="Webhooks may go to private addresses and without TLS: within your own network"
    )
    stream_out: bool = Field(default=True, description="Also write events to a Redis Stream")
    stream_in: bool = Field(
        default=False, description="Also take events from a Redis Stream: for one trusted host that shares the Redis"
    )
    xero_api_url: str = Field(default="https://api.xero.com", description="Xero's API")
    xero_identity_url: str = Field(default="https://identity.xero.com", description="Xero's token service")
    xero_login_url: str = Field(default="https://login.xero.com", description="Xero's login page")
    return_addresses: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Where people may return to after Xero's login: addresses, separated by commas"
    )
    login_link_seconds: float = Field(default=3600, gt=0, description="How long a login link is good")
    login_seconds: float = Field(default=900, gt=0, description="How long a login may take once its link is opened")
    keep_alive_days: float = Field(default=30, gt=0, lt=60, description="An unused Xero login is renewed this often")
    expiry_warning_days: float = Field(
        default=14, gt=0, lt=60, description="So long before a Xero login would end the host is warned"
    )
    login_care_seconds: float = Field(default=300, gt=0, le=600, description="How often logins are looked after")
    worker_processes: int = Field(default=2, ge=1, le=64, description="Worker processes that `up` runs")
    worker_threads: int = Field(default=8, ge=1, le=64, description="Turns at once in one worker process")
    lease_seconds: float = Field(default=90, gt=0, description="How long a batch belongs to its worker")
    connect_timeout_seconds: float = Field(default=5, gt=0, description="Longest wait for a connection to Xero")
    read_timeout_seconds: float = Field(default=60, gt=0, description="Longest wait for an answer from Xero")
    settle_seconds: float = Field(
        default=100, gt=0, description="After this time an unknown outcome is looked up in Xero"
    )
    sweep_seconds: float = Field(default=15, gt=0, description="How often forgotten work is looked for")
    duty_shards: int = Field(
        default=16, ge=1, le=256, description="Parts in which clock processes share duties; the same for all of them"
    )
    expiry_seconds: float = Field(
        default=1_209_600, gt=0, description="An invoice that waits longer than this fails with a reason"
    )
    retention_days: float = Field(
        default=400,
        ge=30,
        description="How long events that were told and bodies of calls are kept; the log stays",
    )
    calls_per_minute: int = Field(default=60, ge=1, description="Xero's limit per organisation and minute")
    calls_per_day: int = Field(
        default=5000,
        ge=1,
        description="Most calls per organisation and day; fewer (1,000 on Xero's Starter tier) are learned from Xero",
    )
    calls_at_once: int = Field(default=5, ge=1, description="Xero's limit of calls in flight")
    minute_seconds: float = Field(default=60, gt=0, description="Length of Xero's minute; shorter only in tests")
    day_reserve: float = Field(default=0.1, ge=0, lt=1, description="Share of the day's calls kept for single sends")
    most_pending: int = Field(
        default=100_000, ge=500, description="Invoices of one company that may wait before its bulk sends get a 429"
    )
    requests_per_minute: int = Field(
        default=60_000,
        ge=60,
        description="Requests of one key at the doors; ten seconds' worth may come at once",
    )
    bytes_per_minute: int = Field(
        default=300_000_000,
        ge=1_000_000,
        description="Bytes of bodies that one key may send; all of them may come at once",
    )
    previews_per_minute: int = Field(
        default=120, ge=1, description="Previews that one key may ask for; all of them may come at once"
    )
    preview_share: float = Field(
        default=0.2,
        ge=0,
        le=0.5,
        description="Share of a company's calls of the day that previews may use, half of it for one key",
    )
    open_dead_letters: int = Field(
        default=1000,
        ge=1,
        description="Open dead letters of one key, or of the stream; what more cannot be read is told and not kept, "
        "or stays in the stream",
    )
    open_dead_letter_bytes: int = Field(
        default=50_000_000, ge=1000, description="Bytes of the open dead letters of one key, or of the stream"
    )
    key_warning_days: float = Field(
        default=14, ge=0, description="So long before a key expires the doctor and the list of keys say so"
    )
    accept_signatures_v1: bool = Field(
        default=False,
        description="Also take requests signed in version 1, which leaves the address out; goes with release 0.3.0",
    )
    reconcile_share: float = Field(
        default=0.02,
        ge=0,
        le=0.5,
        description="Share of the day's calls spent on finding drift and on the daily look at what settings name; "
        "0: no drift is looked for",
    )
    metrics_token: str = Field(
        default="", description="Bearer token that opens /metrics; empty: only callers on this machine may read it"
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")
    log_format: str = Field(default="auto", description="auto (JSON unless a terminal), json or console")

    _old_names: tuple[str, ...] = PrivateAttr(default=())  # that something was set by

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # the library hands it by this name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Where settings come from, the first that names one counts; `.env` brings old names by itself."""
        folder = getattr(file_secret_settings, "secrets_dir", None)
        old = (EnvSettingsSource(_OldNames), SecretsSettingsSource(_OldNames, folder))
        return init_settings, env_settings, dotenv_settings, file_secret_settings, *old

    @model_validator(mode="wrap")
    @classmethod
    def _take_old_names(cls, given: Any, handler: ModelWrapValidatorHandler["Settings"]) -> "Settings":
        old = {name: given[name] for name in RENAMED if name in given}
        for name, value in old.items():
            new = RENAMED[name]
            if new in given and not _is_same(given[new], value):
                raise ValueError(
                    f"{name.upper()} is the old name of {new.upper()}: both are set, and differ. Keep the new"
                )
        now = {RENAMED[name]: value for name, value in old.items()}
        made = handler(now | {name: value for name, value in given.items() if name not in old})
        made._old_names = tuple(old)  # noqa: SLF001  # of the one that was made here
        return made

    @field_validator("encryption_keys", "return_addresses", "trusted_proxies", "webhook_secret", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("database_url", "migration_database_url")
    @classmethod
    def _address_of_a_database(cls, url: str) -> str:
        if url:
            database_address(url)
        return url

    @field_validator("encryption_keys")
    @classmethod
    def _keys_of_ours(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if not keys:
            raise ValueError("at least one key is needed; make one with: crewcard-xero key")
        for number, key in enumerate(keys, 1):
            try:
                Fernet(key)
            except ValueError:
                raise ValueError(f"key {number} is none of ours; make one with: crewcard-xero key") from None
        return keys

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        fours, sixes = [], []
        for one in proxies:
            try:
                network = ipaddress.ip_network(one, strict=False)
            except ValueError:
                raise ValueError(f"“{one}” is neither an address nor a network like 10.0.0.0/24") from None
            if isinstance(network, ipaddress.IPv4Network):
                fours.append(network)
            else:
                sixes.append(network)
        together = [*map(str, ipaddress.collapse_addresses(fours)), *map(str, ipaddress.collapse_addresses(sixes))]
        if any(one.endswith("/0") or one == "::ffff:0:0/96" for one in together):
            said = "”, “".join(proxies)
            raise ValueError(f"“{said}” is everybody: anyone could then say where he comes from")
        return proxies

    @model_validator(mode="after")
    def _in_proportion(self) -> "Settings":
        if self.settle_seconds <= self.call_deadline:
            raise ValueError(f"SETTLE_SECONDS must be longer than {_LONGEST_CALL}")
        if self.lease_seconds <= self.call_deadline:
            raise ValueError(f"LEASE_SECONDS must be longer than {_LONGEST_CALL}")
        return self

    @model_validator(mode="after")
    def _webhooks_can_go(self) -> "Settings":
        if not self.webhook_url:
            return self
        problem = addresses.objection(self.webhook_url, private=self.webhook_private_addresses)
        if problem:
            raise ValueError(f"WEBHOOK_URL {problem}")
        if not self.webhook_secret:
            raise ValueError("WEBHOOK_URL needs a WEBHOOK_SECRET to sign with")
        for number, secret in enumerate(self.webhook_secret, 1):
            if not credentials.is_signing_secret(secret):
                raise ValueError(f"WEBHOOK_SECRET {number} must be whsec_ and base64 of 24 to 64 bytes")
        return self

    @model_validator(mode="after")
    def _somebody_can_sign_in(self) -> "Settings":
        if self.second_factor == "waived" and not (_is_here(self.public_url) and _is_here(self.xero_api_url)):
            raise ValueError(
                "SECOND_FACTOR=waived is for a demo: PUBLIC_URL and XERO_API_URL must be on this machine"
            )
        if not self.oidc_issuer:
            if not self.passwords:
                raise ValueError("PASSWORDS=false needs an OIDC_ISSUER to sign in with instead")
            return self
        if urlsplit(self.oidc_issuer).scheme != "https" and not _is_here(self.oidc_issuer):
            raise ValueError("OIDC_ISSUER must begin with https://")
        missing = [name for name in ("oidc_client_id", "oidc_client_secret", "oidc_roles") if not getattr(self, name)]
        if missing:
            raise ValueError(f"OIDC_ISSUER needs {' and '.join(name.upper() for name in missing)} as well")
        if "openid" not in self.oidc_scopes.split():
            raise ValueError("OIDC_SCOPES must have openid among them")
        return self

    @property
    def shut_doors(self) -> frozenset[str]:
        """Ways out that nothing goes by: what waits for one of them waits for nobody."""
        shut = {"stream": not self.stream_out, "webhook": not self.webhook_url}
        return frozenset(door for door, is_shut in shut.items() if is_shut)

    @property
    def old_names(self) -> tuple[str, ...]:
        """Names of before by which something was set."""
        return self._old_names

    @property
    def call_deadline(self) -> float:
        """The longest a call to Xero can take."""
        return self.connect_timeout_seconds + self.read_timeout_seconds


def _is_same(one: object, other: object) -> bool:
    """Whether two values of a number are one: 15 and 15.0."""
    try:
        return float(str(one)) == float(str(other))
    except ValueError:
        return one == other


def _is_here(address: str) -> bool:
    """Whether this is an address on this machine."""
    return urlsplit(address).hostname in ("127.0.0.1", "::1", "localhost")


def load() -> Settings:
    """The settings, or an end with every missing or wrong one named at once.

    From the environment, `.env`, and files named like settings in CREDENTIALS_DIRECTORY (systemd's LoadCredential).
    """
    try:
        return Settings(_secrets_dir=os.environ.get("CREDENTIALS_DIRECTORY"))
    except ValidationError as broken:
        lines = [f"  {'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in broken.errors()]
        sys.exit("Settings are missing or wrong (see .env.example):\n" + "\n".join(lines))


def load_at_start() -> Settings:
    """The settings of a process that starts, which is told in its log of every old name that it was set by."""
    chosen = load()
    logs.set_up(chosen.log_level, chosen.log_format)
    for name in chosen.old_names:
        told = f"{name.upper()} is called {RENAMED[name].upper()} now; the old name is taken until release 0.3.0"
        logs.log("settings").warning("settings.old_name_used", reason=told)
    return chosen
