"""
Read the settings once: environment `HUISU_*` (or `HUISU_*_FILE` for secrets) over a TOML file over defaults.

Only `bootstrap` reads this module. Every field is documented by its description; `docs/operations.md`
carries the same table and a test compares the two.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from services.errors import Misconfigured

PREFIX: Final = "HUISU_"
GIB: Final = 1 << 30


ADDRESS_FILE = "address"
"""File in the home in which `huisu up` notes where it answers, for commands that print links."""


class Settings(BaseModel):
    """Everything that differs between two archives. Frozen; durations in seconds, sizes in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(Path(".huisu"), description="folder of the embedded archive: database, store, staging, scratch")
    database_url: SecretStr | None = Field(
        None, description="sqlite:///FILE or postgresql://…; default: archive.db in the home"
    )
    store: Literal["folder", "s3"] = Field("folder", description="object store: a folder or an S3 service")
    store_path: Path | None = Field(None, description="the folder store's folder; default: store in the home")
    s3_endpoint: str | None = Field(None, description="host:port of the S3 service")
    s3_access_key: SecretStr | None = Field(None, description="S3 access key")
    s3_secret_key: SecretStr | None = Field(None, description="S3 secret key")
    s3_secure: bool = Field(default=True, description="speak TLS to the S3 service")
    s3_region: str = Field("us-east-1", description="S3 region")
    s3_originals: str = Field("huisu-originals", description="bucket of the originals (versioned, locked)")
    s3_derived: str = Field("huisu-derived", description="bucket of the renditions")
    spool_path: Path | None = Field(None, description="cache of S3 objects for programs; default: spool in the home")
    spool_bytes: int = Field(20 * GIB, ge=0, description="largest size of that cache")
    broker_url: SecretStr | None = Field(
        None, description="amqp://… or redis://… of a cluster; none: workers poll the database"
    )
    gate: str = Field(
        "g1", pattern=r"^[a-z0-9-]{1,32}$", description="name of this gate; part of its uploads' addresses"
    )
    staging_path: Path | None = Field(None, description="the gate's staging folder; default: staging in the home")
    staging_reserve_bytes: int = Field(GIB, ge=0, description="room to leave free on the staging disk")
    upload_max_bytes: int = Field(1 << 40, gt=0, description="largest single upload")
    upload_ttl_s: int = Field(7 * 86400, gt=0, description="how long an unfinished upload lives (rule 4)")
    body_timeout_s: float = Field(60.0, gt=0, description="longest silence inside an upload's body")
    ffmpeg: Path | None = Field(None, description="another ffmpeg than the pinned one")
    sandbox: Literal["auto", "bwrap", "rlimits"] = Field(
        "auto", description="how media programs are confined; auto: bwrap where it works, rlimits everywhere"
    )
    scratch_path: Path | None = Field(None, description="folder for work in progress; default: scratch in the home")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on")
    behind_proxy: bool = Field(
        default=False, description="a proxy speaks TLS in front: allow another host, trust its address header"
    )
    tls_cert: Path | None = Field(None, description="TLS certificate chain to serve with")
    tls_key: Path | None = Field(None, description="TLS key to serve with")
    threads: int = Field(40, ge=4, le=400, description="handlers that run at once in one server process")
    decoders: int = Field(
        2, ge=1, le=64, description="decoders that one server process keeps warm, at most as many as it has cores"
    )
    metrics_token: SecretStr | None = Field(None, description="bearer token for /metrics from elsewhere than loopback")
    render_workers: int = Field(1, ge=0, le=64, description="`up`: processes that make renditions")
    examine_workers: int = Field(1, ge=1, le=64, description="`up`: processes that examine and link")
    export_workers: int = Field(1, ge=1, le=16, description="`up`: processes that make export packages")
    gate_workers: int = Field(1, ge=1, le=64, description="`up`: processes that seal, deposit and read back")
    zone: str = Field("Asia/Shanghai", description="IANA zone of clocks that name none")
    retention_months: int = Field(6, ge=1, description="shortest retention in calendar months (rule 20)")
    link_before_s: int = Field(300, ge=0, description="a recording may start this long before dispatch (rule 14)")
    link_after_s: int = Field(600, ge=0, description="a recording may start this long after clearing (rule 14)")
    incident_max_s: int = Field(8 * 3600, gt=0, description="longest incident that links by itself (rule 14)")
    session_gap_s: float = Field(
        5.0, ge=0, description="gap within which files of one device are one session (rule 11)"
    )
    lock_days: int = Field(35, ge=1, description="first lock of an original in the store")
    case_pattern: str = Field(
        r"^[^/\x00-\x1f]{1,128}$", description="form of case numbers where the unit sets none (rule 18)"
    )
    signer_home: Path | None = Field(
        None, description="folder of the log's key and memory; best on another disk; default: signer in the home"
    )
    signer_socket: Path | None = Field(
        None,
        description="where the signer listens, outside its folder for its group too; default: socket in its folder",
    )
    log_origin: str | None = Field(
        None, description="name of the custody log, for life; default: huisu.local/ and eight digits made once"
    )
    policy_file: Path | None = Field(
        None, description="policy of the log's witnesses and their quorum (C2SP tlog-policy); none: no witness is asked"
    )
    fixity_days: int = Field(
        90, ge=1, le=3650, description="every stored byte is read again within so many days (rule 62)"
    )
    fixity_mib_s: float = Field(100.0, gt=0, description="most MiB a second that these readings take from the store")
    log_patience_s: float = Field(
        60.0, gt=0, description="how long an export waits for its entries in the signed log before it is tried again"
    )
    witness_patience_s: float = Field(
        60.0, ge=0, description="how long an export waits for the quorum of witnesses; then it says that none signed"
    )
    tsa_url: str | None = Field(
        None, description="RFC 3161 authority that stamps the log's head every hour; none: nobody is asked"
    )
    tsa_roots: Path | None = Field(
        None, description="PEM file of the certificates that this authority's answers must lead to"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level that is logged")

    @property
    def paths(self) -> "Paths":
        """The folders with their defaults filled in."""
        home = self.home.expanduser().absolute()
        return Paths(
            home=home,
            store=self.store_path or home / "store",
            staging=self.staging_path or home / "staging",
            spool=self.spool_path or home / "spool",
            scratch=self.scratch_path or home / "scratch",
            signer=(signer := (self.signer_home or home / "signer").expanduser().absolute()),
            signer_socket=self.signer_socket or signer / "socket",
        )

    @property
    def address(self) -> str:
        """Where the archive answers."""
        scheme = "https" if self.tls_cert else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"

    @property
    def database(self) -> str:
        """The database's address with its default filled in."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.paths.home / 'archive.db'}"


class Paths(BaseModel):
    """The folders of an archive, absolute."""

    model_config = ConfigDict(frozen=True)

    home: Path
    store: Path
    staging: Path
    spool: Path
    scratch: Path
    signer: Path
    signer_socket: Path


def load_settings(environment: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """
    Read settings from the environment, its TOML file (`HUISU_CONFIG`) and what the caller gives, which wins.

    Raises:
        Misconfigured: an unknown variable, a value of the wrong form, or an unreadable file; names all of them.
    """
    env = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    if config := env.get(f"{PREFIX}CONFIG"):
        values |= _toml(Path(config))
    values |= _environment(env)
    values |= {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**values)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise Misconfigured(f"settings: {wrong}") from error


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"settings file {path}: {error}") from error


IGNORED: Final = frozenset({"CONFIG", "TEST_CORPUS", "TEST_S3", "TEST_POSTGRES", "TEST_AMQP", "SOAK", "SEED",
                            "DOCK_TOKEN", "DOCK_URL", "CRASH"})  # fmt: skip
"""Variables with our prefix that are not settings of an archive: tests and the dock's agent read them."""


def _environment(env: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, value in env.items():
        name = variable.removeprefix(PREFIX)
        if name == variable or name in IGNORED:
            continue
        field = name.lower()
        if field not in Settings.model_fields and field.endswith("_file"):
            field = field.removesuffix("_file")
            try:
                value = Path(value).read_text(encoding="utf-8").strip()  # noqa: PLW2901  (the file's content is the value)
            except OSError as error:
                raise Misconfigured(f"{variable}: {error}") from error
        if field not in Settings.model_fields:
            raise Misconfigured(f"{variable} is no setting of this archive")
        values[field] = value
    return values
