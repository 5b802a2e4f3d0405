"""Our clients of Redis or Valkey: one server, a cluster or a primary that Sentinels know; and what a refusal says."""

import functools
import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

import redis
from redis.backoff import ExponentialBackoff
from redis.cluster import ClusterNode
from redis.connection import parse_url
from redis.exceptions import BusyLoadingError, RedisClusterException
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelManagedConnection, SentinelManagedSSLConnection

from worker import logs

# Why a Redis that answers does not do as it is told, by the code of its answer; what a person does about it.
_REFUSALS = {
    "OOM": "it is out of memory: raise its maxmemory",
    "READONLY": "it is a read-only replica: REDIS_URL must lead to the primary",
    "NOREPLICAS": "it has too few replicas to take anything: bring them back",
    "NOPERM": "its account may not do this: see its rights (ACL)",
    "CROSSSLOT": "it is in cluster mode: REDIS_URL must begin with redis+cluster://",
    "MOVED": "it is in cluster mode: REDIS_URL must begin with redis+cluster://",
    "CLUSTERDOWN": "a part of the cluster is down: see CLUSTER INFO",
    "MISCONF": "it cannot save to its disk: see its log",
    "MASTERDOWN": "it is a replica that has lost its primary",
    "BUSY": "a script keeps it busy",
}
_EXPECTED = ("NOSCRIPT", "NOGROUP", "BUSYGROUP")  # whoever asks knows what to do
_TOLD_SECONDS = 60.0
_PORT, _SENTINEL_PORT = 6379, 26379
_TAG = "{xp}"


def refusal_code(refused: redis.ResponseError) -> str:
    """The code that Redis gave, also from within a script; ERR where it gave none that is known."""
    words = re.findall(r"[A-Z]{3,}", f"{refused.status_code or ''} {refused}")
    return next((word for word in words if word in _REFUSALS or word in _EXPECTED), refused.status_code or "ERR")


def refusal(refused: redis.ResponseError) -> str:
    """What Redis refuses and why, as a sentence for whoever runs it."""
    code = refusal_code(refused)
    return f"{_REFUSALS.get(code, 'it refuses what it is asked')} ({code})"


def prefix_of(client: redis.Redis) -> str:
    """What our keys begin with. In a cluster it is a hash tag, so that one node has all that a script touches."""
    return _TAG if isinstance(cast("object", client), ClusterRedis) else "xp"


class _Telling:
    """Tells refusals in the log, once a minute and code: who asks may take one for an absence."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Execute a command. Raises redis.RedisError."""
        try:
            return _as_away(super().execute_command)(*args, **options)  # type: ignore[misc]  # of the client beside it
        except redis.ResponseError as refused:
            _tell(refused)
            raise


class TellingRedis(_Telling, redis.Redis):
    """A client of one server whose refusals are told."""

    told: ClassVar[dict[str, float]] = {}


class _TellingCluster(_Telling, redis.RedisCluster):
    """The same of a cluster. Its plan is asked for by one thread at a time, for all that wait for it meanwhile."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.nodes_manager.initialize = _AskedOnce(self.nodes_manager.initialize)  # type: ignore[method-assign]

    def pipeline(self, transaction: Any = None, shard_hint: Any = None) -> Any:
        """Commands for one way there and back; `execute` raises redis.RedisError."""
        made = super().pipeline(transaction, shard_hint)
        made.execute = _as_away(made.execute)
        return made


def _as_away(call: Callable[..., Any]) -> Callable[..., Any]:
    """The call; a cluster's own errors are no RedisError, and to whoever asks it is away then."""

    @functools.wraps(call)
    def asked(*args: Any, **options: Any) -> Any:
        try:
            return call(*args, **options)
        except RedisClusterException as away:
            raise redis.ConnectionError(str(away)) from away

    return asked


class _AskedOnce:
    """A call that takes long where nobody answers: who waited while it failed is not made to wait for another one."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call
        self._lock = threading.Lock()
        self._failed_at, self._failure = float("-inf"), RedisClusterException()

    def __call__(self, *args: Any, **options: Any) -> Any:
        wanted = time.monotonic()
        with self._lock:
            if self._failed_at >= wanted:
                raise self._failure
            try:
                return self._call(*args, **options)
            except RedisClusterException as failure:
                self._failed_at, self._failure = time.monotonic(), failure
                raise


class ClusterRedis:
    """A cluster's client that asks for the cluster's plan when it is first used: nobody waits for it at start-up."""

    def __init__(self, nodes: Sequence[ClusterNode], options: dict[str, Any]) -> None:
        self._nodes, self._options = nodes, options
        self._client: Any = None
        self._connect = _AskedOnce(self._connected)

    def register_script(self, script: str) -> "_ClusterScript":
        """A script, to be called with `keys` and `args`."""
        return _ClusterScript(self, script)

    def time(self) -> Any:
        """The clock of the node that has our keys; scripts go by it too."""
        return self._on_our_node("time")

    def info(self, section: str) -> Any:
        """What that node says of itself."""
        return self._on_our_node("info", section)

    def config_get(self, pattern: str) -> Any:
        """How that node is set."""
        return self._on_our_node("config_get", pattern)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client or _as_away(self._connect)(), name)

    def _on_our_node(self, command: str, *words: str) -> Any:
        node = _as_away(self.__getattr__("get_node_from_key"))(_TAG)
        return self.__getattr__(command)(*words, target_nodes=node)

    def _connected(self) -> Any:
        if self._client is None:
            self._client = _TellingCluster(startup_nodes=list(self._nodes), **self._options)
        return self._client


class _ClusterScript:
    """A script that is registered when it is first called."""

    def __init__(self, client: ClusterRedis, script: str) -> None:
        self._client, self._text = client, script
        self._script: Any = None

    def __call__(self, keys: Sequence[Any] = (), args: Sequence[Any] = (), client: Any = None) -> Any:
        if self._script is None:
            self._script = self._client.__getattr__("register_script")(self._text)
        return self._script(keys=keys, args=args, client=client)


class _Following(SentinelManagedConnection):
    """Asks the Sentinels at each attempt: redis-py alone goes on trying the primary that died (its issue 3874)."""

    def _connect(self) -> Any:
        self.host, self.port = self.connection_pool.get_master_address()
        return super()._connect()


class _FollowingTLS(_Following, SentinelManagedSSLConnection):
    pass


def redis_client(url: str, *, patient: bool = True, name: str | None = None) -> redis.Redis:
    """A client for workers (patient: about a minute of retries) or for doors (half a second, one retry).

    `redis://host:6379/0`, `redis+cluster://host:7000,host:7001`, `redis+sentinel://host:26379,host:26379/service?db=0`;
    `rediss` for TLS. User and password stand before the hosts as usual; those of Sentinels, where they have any, are
    `?sentinel_username=…&sentinel_password=…`. Raises ValueError for an address in another form.
    """
    seconds = 5.0 if patient else 0.5
    options: dict[str, Any] = {
        "retry": Retry(ExponentialBackoff(cap=1), 60 if patient else 1),
        "retry_on_error": [redis.ConnectionError, redis.TimeoutError, BusyLoadingError],
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "client_name": name,
    }
    scheme, _, form = urlsplit(url).scheme.partition("+")
    if not form:
        return TellingRedis.from_url(url, **options)
    if form not in ("cluster", "sentinel") or scheme not in ("redis", "rediss"):
        raise ValueError(f"REDIS_URL begins with {scheme}+{form}://: redis, redis+cluster or redis+sentinel is known")
    options |= _options_of_address(url, scheme)
    if form == "cluster":
        nodes = [ClusterNode(*host) for host in _hosts(url, _PORT)]
        return cast("redis.Redis", ClusterRedis(nodes, options))
    return _by_sentinels(url, options)


def _by_sentinels(url: str, options: dict[str, Any]) -> redis.Redis:
    service = urlsplit(url).path.strip("/")
    if not service:
        raise ValueError("REDIS_URL names no service: redis+sentinel://host:26379/SERVICE")
    own = {name: options.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    theirs = {**{name: value for name, value in options.items() if name not in ("username", "password", "db")}, **own}
    sentinels = Sentinel(_hosts(url, _SENTINEL_PORT), sentinel_kwargs=theirs)
    following = _FollowingTLS if options.pop("ssl", False) else _Following
    primary: redis.Redis = sentinels.master_for(
        service, redis_class=TellingRedis, connection_class=following, **options
    )
    return primary


def _hosts(url: str, port: int) -> list[tuple[str, int]]:
    found = [urlsplit(f"//{one}") for one in urlsplit(url).netloc.rpartition("@")[2].split(",")]
    if not all(one.hostname for one in found):
        raise ValueError("REDIS_URL names no host")
    return [(one.hostname or "", one.port or port) for one in found]


def _options_of_address(url: str, scheme: str) -> dict[str, Any]:
    """User, password, TLS and what stands behind the `?`, typed as redis-py does it for one host."""
    parts = urlsplit(url)
    before = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    found: dict[str, Any] = dict(parse_url(f"{scheme}://{before}localhost?{parts.query}"))
    for name in ("host", "port", "path", "connection_class"):
        found.pop(name, None)
    return {**found, "ssl": True} if scheme == "rediss" else found


def _tell(refused: redis.ResponseError) -> None:
    code, now = refusal_code(refused), time.monotonic()
    if code not in _EXPECTED and now - TellingRedis.told.get(code, float("-inf")) >= _TOLD_SECONDS:
        TellingRedis.told[code] = now
        logs.log("redis").error("redis.refused", reason=refusal(refused), error=code)
