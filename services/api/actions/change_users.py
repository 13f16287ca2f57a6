"""Change accounts over HTTP: rights may be taken away here; to give them needs a second person."""

from typing import NoReturn

from services.accounts import people
from services.accounts.people import Account, AccountChange
from services.accounts.rights import Principal
from services.bootstrap import Archive
from services.errors import NotAllowed


def refuse_to_add(name: str) -> NoReturn:
    """Raise `NotAllowed`: an account made by one administrator alone could be that administrator's second face."""
    raise NotAllowed(
        f"account {name!r} needs a second person; on the archive's own machine: huisu user add NAME --role R --unit U"
    )


def change_user(
    archive: Archive, who: Principal, user_id: str, *, language: str | None, disable: bool, version: int | None
) -> Account:
    """
    Set an account's language, or take it out of use at once.

    Raises:
        NotFound: no such account where one's own unit reaches.
        NotAllowed: one would disable oneself.
        PreconditionFailed: it changed since it was read.
    """
    with archive.work() as work:
        user = people.get_user(work.session, who, user_id)
        if disable and user.id == who.id:
            raise NotAllowed("nobody takes their own account out of use")
        change = AccountChange(language=language, is_disabled=True if disable else None)
        return people.change_user(work, user, change, actor=who.name, version=version)
