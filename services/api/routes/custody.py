"""Give the ledger to every account: its entries without what they commit to, its head, its proofs, its tiles."""

from typing import Annotated, Final, Literal

from fastapi import Query, Request, Response
from fastapi.responses import PlainTextResponse

from services.api import schemas
from services.api.admission import ArchiveDep
from services.api.deps import LIMIT_DEFAULT, Cursor, Limit
from services.api.log_schemas import ConsistencyProof, InclusionProof
from services.api.registry import Routes
from services.custody.logtree import read_bundle, read_tile
from services.custody.pages import LogLine, log_page
from services.custody.proving import Consistency, Inclusion, newest_note, prove_entry, prove_growth
from services.custody.tiles import ENTRIES, Tile, parse_tile
from services.errors import Invalid
from services.index.visible import is_id

routes = Routes("custody")

TEXT: Final = "text/plain; charset=utf-8"
FOREVER: Final = {"Cache-Control": "private, max-age=31536000, immutable"}
"""What a tile of this name holds never changes; private, for only accounts may see it."""

Place = Annotated[int, Query(ge=0, lt=1 << 63)]
Size = Annotated[
    int | None, Query(ge=0, lt=1 << 63, description="entries of the log; default: of the newest signed head")
]


@routes.declare("GET", "/custody/entries", action="ledger.see", response_model=schemas.PageOf[schemas.LedgerLine])
def list_entries(
    archive: ArchiveDep, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> schemas.PageOf[schemas.LedgerLine]:
    """List entries in the order of the log, without payload."""
    if cursor is not None and not is_id(cursor):
        raise Invalid(f"not a cursor of this list: {cursor[:80]!r}")
    with archive.reading() as session:
        lines, following = log_page(session, cursor, limit)
    return schemas.PageOf(items=[shape(line) for line in lines], next=following)


def shape(line: LogLine) -> schemas.LedgerLine:
    """Show an entry."""
    return schemas.LedgerLine(
        index=line.index,
        id=line.entry.id,
        type=line.entry.type,
        at=line.entry.at,
        obj=line.entry.obj,
        n=line.entry.n,
        entry=line.text.decode("ascii"),
        leaf_hash=line.leaf_hash.hex(),
    )


@routes.declare("GET", "/custody/checkpoint", action="ledger.see", response_class=PlainTextResponse)
def see_checkpoint(archive: ArchiveDep) -> Response:
    """Give the newest signed head of the log as a signed note, with the lines of its witnesses."""
    with archive.reading() as session:
        return Response(newest_note(session), media_type=TEXT)


@routes.declare(
    "GET",
    "/custody/proofs/inclusion",
    action="ledger.see",
    response_model=InclusionProof,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def see_inclusion(
    archive: ArchiveDep,
    request: Request,
    index: Place,
    size: Size = None,
    form: Annotated[Literal["json", "tlog-proof"] | None, Query(alias="format")] = None,
) -> Response | InclusionProof:
    """Prove that an entry is in the log; for `Accept: text/plain` or `format=tlog-proof` as C2SP tlog-proof."""
    with archive.reading() as session:
        proof = prove_entry(session, index, size)
    wants_text = request.headers.get("accept", "").strip().startswith("text/plain")
    if form == "tlog-proof" or (form is None and wants_text):
        return Response(proof.as_file, media_type=TEXT)
    return shape_inclusion(proof)


def shape_inclusion(proof: Inclusion) -> InclusionProof:
    """Show that an entry is in the log."""
    return InclusionProof(
        index=proof.index,
        size=proof.size,
        leaf_hash=proof.leaf_hash.hex(),
        root=proof.root.hex(),
        hashes=[one.hex() for one in proof.path],
        checkpoint=proof.note,
    )


@routes.declare("GET", "/custody/proofs/consistency", action="ledger.see", response_model=ConsistencyProof)
def see_consistency(
    archive: ArchiveDep, old: Annotated[Place, Query(alias="from")], to: Size = None
) -> ConsistencyProof:
    """Prove that the log only grew."""
    with archive.reading() as session:
        return shape_consistency(prove_growth(session, old, to))


def shape_consistency(proof: Consistency) -> ConsistencyProof:
    """Show that the log only grew."""
    return ConsistencyProof(
        from_=proof.old,
        to=proof.new,
        from_root=proof.old_root.hex(),
        to_root=proof.new_root.hex(),
        hashes=[one.hex() for one in proof.path],
    )


@routes.declare("GET", "/custody/tile/{path:path}", action="ledger.see", response_class=Response)
def see_tile(archive: ArchiveDep, path: str) -> Response:
    """Give a tile's hashes, or a bundle of entries, by the name that C2SP tlog-tiles gives it."""
    named = parse_tile(f"tile/{path}")
    if named is None:
        raise Invalid(f"no tile of a log has such a name: {path[:80]!r}")
    level, index, width = named
    with archive.reading() as session:
        if level == ENTRIES:
            content = read_bundle(session, index, width)
        else:
            content = read_tile(session, Tile(int(level), index, width))
    return Response(content, media_type="application/octet-stream", headers=FOREVER)
