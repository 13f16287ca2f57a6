"""Keep the accounts of people: add, change, disable, and hand out login links. There is no default password."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError as DuplicateRow
from sqlalchemy.orm import Session
from uuid_utils import uuid7

from services.accounts.models import LoginLink, LoginSession, Unit, User
from services.accounts.names import check_name, check_number
from services.accounts.passwords import hash_password
from services.accounts.rights import ROLES, Principal
from services.accounts.secrets import hash_secret, new_secret
from services.accounts.units import named_unit, require_version
from services.custody.work import Work
from services.errors import Conflict, Invalid, NotFound

LANGUAGES: Final = ("zh-CN", "en")
LINK_LIFE: Final = timedelta(hours=1)
"""How long a login link can be used, once. Source: contract, `huisu up`."""


@dataclass(frozen=True, slots=True)
class UnitName:
    """A unit by its id, number and name."""

    id: str
    number: str
    name: str

    def __str__(self) -> str:
        return self.number


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account as others see it; never with anything of the password but whether there is one."""

    id: str
    name: str
    number: str | None
    role: str
    unit: UnitName
    language: str
    has_password: bool
    disabled_at: datetime | None
    version: int

    @property
    def disabled(self) -> bool:
        """Whether nobody can use it now."""
        return self.disabled_at is not None


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What of an account is to change; None leaves it. `unit` is a number; an empty `number` takes it away."""

    role: str | None = None
    unit: str | None = None
    number: str | None = None
    language: str | None = None
    is_disabled: bool | None = None


def check_role(role: str) -> str:
    """Raise `Invalid` for what is no role."""
    if role not in ROLES:
        raise Invalid(f"{role!r} is no role: {', '.join(ROLES)}")
    return role


def add_user(
    work: Work,
    name: str,
    *,
    role: str,
    unit: str,
    number: str | None = None,
    password: str | None = None,
    language: str = "zh-CN",
    actor: str,
) -> Account:
    """
    Make an account in the unit of this number. Without a password it is entered by login links only.

    Raises:
        Invalid: a value of the wrong form, an unknown role or unit.
        Conflict: the name or the badge number is another account's.
    """
    session, home = work.session, named_unit(work.session, unit)
    user = User(
        id=str(uuid7()),
        name=check_name(name, "name"),
        number=check_number(number, "badge") if number else None,
        role=check_role(role),
        unit_id=home.id,
        password_hash=hash_password(password) if password is not None else None,
        language=_language(language),
        version=1,
        created_at=work.at,
    )
    _refuse_taken(session, user)
    session.add(user)
    _flush(session, f"account {name!r}")
    work.append("user.add", user.id, actor=actor, name=user.name, role=role, unit=home.number)
    return show(session, user)


def change_user(work: Work, user: User, change: AccountChange, *, actor: str, version: int | None = None) -> Account:
    """
    Change what is given; a disabled account's sessions and links end in the same transaction.

    Raises:
        PreconditionFailed: the account has another version than `version`.
        Invalid, Conflict: as `add_user`.
    """
    session = work.session
    require_version(f"account {user.name!r}", user.version, version)
    before = show(session, user)
    user.role = check_role(change.role) if change.role is not None else user.role
    user.unit_id = named_unit(session, change.unit).id if change.unit is not None else user.unit_id
    user.language = _language(change.language) if change.language is not None else user.language
    if change.number is not None:
        user.number = check_number(change.number, "badge") if change.number else None
    if change.is_disabled is not None and change.is_disabled != (user.disabled_at is not None):
        user.disabled_at = work.at if change.is_disabled else None
    with session.no_autoflush:
        _refuse_taken(session, user)
        after = show(session, user)
    if after == before:
        return before
    if user.disabled_at is not None:
        end_entrances(session, user.id, work.at)
    user.version += 1
    _flush(session, f"account {user.name!r}")
    work.append("user.change", user.id, actor=actor, before=_told(before), after=_told(after))
    return show(session, user)


def disable_user(work: Work, name: str, *, actor: str) -> Account:
    """Take an account out of use: at once, with its sessions and links. Raises `NotFound`."""
    return change_user(work, find_user(work.session, name), AccountChange(is_disabled=True), actor=actor)


def set_password(work: Work, name: str, password: str, *, actor: str) -> Account:
    """Set a password; every session of the account ends. Raises `Invalid` and `NotFound`."""
    user = find_user(work.session, name)
    user.password_hash = hash_password(password)
    user.version += 1
    end_entrances(work.session, user.id, work.at)
    work.append("user.change", user.id, actor=actor, before={}, after={"password": "set"})
    return show(work.session, user)


def end_entrances(session: Session, user_id: str, at: datetime) -> None:
    """End an account's login sessions and unused links."""
    alive = LoginSession.user_id == user_id, LoginSession.ended_at.is_(None)
    session.execute(update(LoginSession).where(*alive).values(ended_at=at))
    unused = LoginLink.user_id == user_id, LoginLink.used_at.is_(None)
    session.execute(update(LoginLink).where(*unused).values(used_at=at))


def make_login_link(work: Work, name: str, *, actor: str, life: timedelta = LINK_LIFE) -> str:
    """
    Make the secret of a link that logs one person in once. Only its hash is kept.

    Raises:
        NotFound: no such account.
        Conflict: the account is disabled.
    """
    user = find_user(work.session, name)
    if user.disabled_at is not None:
        raise Conflict(f"account {name!r} is disabled since {user.disabled_at.isoformat()}")
    secret, expires_at = new_secret(), work.at + life
    work.session.add(LoginLink(secret_hash=hash_secret(secret), user_id=user.id, expires_at=expires_at))
    work.append("auth.link", user.id, actor=actor, expires_at=expires_at.isoformat())
    return secret


def find_user(session: Session, name: str) -> User:
    """Give the account of this name; raises `NotFound`."""
    user = session.scalars(select(User).where(User.name == name)).one_or_none()
    if user is None:
        raise NotFound(f"there is no account {name!r}")
    return user


def get_user(session: Session, who: Principal, user_id: str) -> User:
    """Give an account by its id where someone's rights reach its unit; raises `NotFound`."""
    user = session.get(User, user_id)
    if user is None or not (who.reaches_all or user.unit_id in who.units):
        raise NotFound(f"there is no account {user_id}")
    return user


def list_users(session: Session, who: Principal | None = None, *, after: str = "", limit: int = 200) -> list[Account]:
    """List accounts by name, from behind the name `after`; None lists all units (the command line)."""
    query = select(User, Unit).join(Unit, Unit.id == User.unit_id).where(User.name > after).order_by(User.name)
    if who is not None and not who.reaches_all:
        query = query.where(User.unit_id.in_(who.units))
    return [_account(user, unit) for user, unit in session.execute(query.limit(limit))]


def show(session: Session, user: User) -> Account:
    """Show an account."""
    return _account(user, session.get_one(Unit, user.unit_id))


def _account(user: User, unit: Unit) -> Account:
    return Account(
        id=user.id,
        name=user.name,
        number=user.number,
        role=user.role,
        unit=UnitName(unit.id, unit.number, unit.name),
        language=user.language,
        has_password=user.password_hash is not None,
        disabled_at=user.disabled_at,
        version=user.version,
    )


def _told(account: Account) -> dict[str, object]:
    """Give what an entry tells of an account."""
    told = asdict(account)
    told["unit"] = account.unit.number
    told["disabled_at"] = account.disabled_at.isoformat() if account.disabled_at else None
    del told["id"], told["has_password"], told["version"]
    return told


def _language(language: str) -> str:
    if language not in LANGUAGES:
        raise Invalid(f"{language!r} is no language of these pages: {', '.join(LANGUAGES)}")
    return language


def _refuse_taken(session: Session, user: User) -> None:
    same = select(User.name).where(User.id != user.id)
    if session.scalar(same.where(User.name == user.name)) is not None:
        raise Conflict(f"there is an account {user.name!r} already")
    if user.number is not None and (taken := session.scalar(same.where(User.number == user.number))) is not None:
        raise Conflict(f"badge number {user.number!r} is {taken!r}'s")


def _flush(session: Session, what: str) -> None:
    try:
        session.flush()
    except DuplicateRow as error:
        raise Conflict(f"{what} took a name or number that another took in this moment") from error
