"""Issue and revoke tokens over HTTP: those of programs; tokens that act like people need a second person."""

from services.accounts import tokens
from services.accounts.rights import Principal
from services.accounts.tokens import PROGRAM_ROLES, TokenFacts
from services.accounts.units import require_version
from services.api.actions.change_units import require_within
from services.bootstrap import Archive
from services.errors import NotAllowed


def issue_token(
    archive: Archive, who: Principal, name: str, role: str, unit: str | None, days: int
) -> tuple[TokenFacts, str]:
    """
    Issue a token for a dock or an integrator within one's own unit; gives its facts and its secret, once.

    Raises:
        NotAllowed: a role of people, or a reach beyond one's own.
        Invalid, Conflict: as `tokens.issue_token`.
    """
    if role not in PROGRAM_ROLES:
        raise NotAllowed(
            f"a token of role {role!r} acts like a person and needs a second one; on the archive's own machine: "
            f"huisu token issue --name N --role {role}"
        )
    with archive.work() as work:
        require_within(work, who, unit)
        secret = tokens.issue_token(work, name, role, unit, days, actor=who.name)
        work.session.flush()
        return tokens.token_of(work.session, secret), secret


def revoke_token(archive: Archive, who: Principal, token_id: str, reason: str, version: int | None) -> TokenFacts:
    """End a token at once. Raises `NotFound` and `PreconditionFailed`."""
    with archive.work() as work:
        token = tokens.get_token(work.session, who, token_id)
        require_version(f"token {token.name!r}", tokens.show(work.session, token).version, version)
        tokens.revoke(work, token, actor=who.name, reason=reason)
        return tokens.show(work.session, token)
