"""Define a spot check: from here on nothing that counts for its draw can be changed."""

from collections.abc import Mapping
from typing import Any

from services.accounts.rights import Principal
from services.bootstrap import Archive
from services.custody.signer_client import Signer
from services.oversight.definitions import parse_definition
from services.oversight.spotchecks import define
from services.oversight.views import CheckFacts, facts


def define_check(archive: Archive, who: Principal, told: Mapping[str, Any]) -> CheckFacts:
    """
    Freeze what is to be drawn from, how much, and what the seed will come from.

    Raises:
        Invalid: outside the grammar, a unit that is not in reach, or nothing to draw from.
        SecondDefinition: this programme was defined before for an overlapping period.
        SignerUnavailable: the draw's key is not known now; it is part of the definition.
    """
    definition = parse_definition(told)
    draw_key = signer_of(archive).public().draw_key
    with archive.work() as work:
        row = define(work, who, definition, draw_key)
        return facts(work.session, row, work.at)


def signer_of(archive: Archive) -> Signer:
    """Give the signer, which holds the draw's key."""
    return Signer(archive.settings.paths.signer_socket)
