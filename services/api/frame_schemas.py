"""Shape what is told of frames."""

from pydantic import BaseModel, Field

from services.api.actions.list_frames import TILE_FRAMES, Tile


class FrameTile(BaseModel):
    """When consecutive frames are shown: seconds are `pts` times `time_base`, counted from the first frame."""

    time_base: str = Field(description="seconds of one tick, as a fraction", examples=["1/90000"])
    count: int = Field(description="frames of the whole recording")
    tile: int = Field(description="number of this tile, from 0")
    tile_frames: int = Field(description="frames of a full tile")
    first: int = Field(description="number of the first frame listed")
    pts: list[int] = Field(description="ticks at which each frame is shown")
    entries: list[int] | None = Field(
        description="numbers of the listed frames at which a verbatim clip may begin or end; null: none can be cut"
    )

    @classmethod
    def of(cls, tile: Tile) -> "FrameTile":
        """Shape one tile."""
        return cls(
            time_base=f"{tile.time_base.numerator}/{tile.time_base.denominator}",
            count=tile.count,
            tile=tile.number,
            tile_frames=TILE_FRAMES,
            first=tile.first,
            pts=list(tile.pts),
            entries=None if tile.entries is None else list(tile.entries),
        )
