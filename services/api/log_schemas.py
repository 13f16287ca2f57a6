"""Shapes of what the log answers about itself. Hashes are hexadecimal."""

from typing import Annotated

from pydantic import Field

from services.api.schemas import Shape


class InclusionProof(Shape):
    """
    That the log of `size` entries has `leaf_hash` at `index`: RFC 6962, the siblings from the leaf up.

    `checkpoint` is the signed head of exactly this size with the lines of its witnesses, null where none was signed.
    """

    index: int
    size: int
    leaf_hash: str
    root: str
    hashes: list[str]
    checkpoint: str | None


class ConsistencyProof(Shape):
    """That the log of `to` entries begins with that of `from`: RFC 6962."""

    from_: Annotated[int, Field(serialization_alias="from")]
    to: int
    from_root: str
    to_root: str
    hashes: list[str]
