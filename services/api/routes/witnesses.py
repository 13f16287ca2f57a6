"""Say how the log stands: its head, how far it lags, who watches it, and where its signer lives."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from services.api.admission import ArchiveDep, Who
from services.api.registry import Routes
from services.api.status_schemas import HeadStatus, LogStatus, SignerStatus, WitnessStatus
from services.custody.policy import Policy
from services.custody.signer_client import Signer
from services.custody.standing import SignerPlace, Standing, signer_place, standing
from services.custody.witnessing import load_policy
from services.errors import Misconfigured

routes = Routes("custody")

PATIENCE_S = 1.0
"""How long a page waits for the signer."""

TOLD_ALL: Final = frozenset({"admin", "auditor", "custodian"})
"""Roles that look after the archive: messages name paths of its machine, which nobody else needs."""
POLICY_TROUBLE: Final = "the policy file cannot be used"
SIGNER_TROUBLE: Final = "the signer does not sign"


@routes.declare("GET", "/custody/status", action="ledger.see", response_model=LogStatus)
def see_status(archive: ArchiveDep, who: Who) -> LogStatus:
    """Show how the log stands, and whether somebody outside watches it."""
    settings, url = archive.settings, archive.engine.url
    try:
        policy, error = load_policy(settings.policy_file), None
    except Misconfigured as refused:
        policy, error = Policy(), str(refused)
    with archive.reading() as session:
        now = standing(session, policy, archive.clock())
    database = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
    place = signer_place(Signer(settings.paths.signer_socket, PATIENCE_S), database)
    if who.role not in TOLD_ALL:
        place = replace(place, trouble=place.trouble and SIGNER_TROUBLE)
        error = error and POLICY_TROUBLE
    return _shape(now, place, policy, error)


def _shape(now: Standing, place: SignerPlace, policy: Policy, error: str | None) -> LogStatus:
    head, seen = now.head, now.watched
    return LogStatus(
        origin=place.facts.origin if place.facts else None,
        keys=[key.vkey for key in place.facts.all_keys] if place.facts else [],
        size=now.size,
        pending=now.pending,
        head=HeadStatus(size=head.size, root=head.root.hex(), made_at=head.made_at) if head else None,
        lag=now.lag.total_seconds(),
        outside_witnessed=seen.is_watched,
        last_witnessed_at=seen.last_at,
        missing=list(seen.missing),
        witnesses=[
            WitnessStatus(
                name=one.name,
                key=one.key.vkey,
                asked=one.url is not None,
                size=last.size if (last := seen.witnesses[one.name]) else None,
                last_at=last.at if last else None,
            )
            for one in policy.witnesses
        ],
        policy_error=error,
        signer=SignerStatus(
            answers=place.facts is not None,
            trouble=place.trouble,
            shares_user=place.shares_user,
            shares_disk=place.shares_disk,
        ),
    )
