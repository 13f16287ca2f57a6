"""Serve the built pages: files by their names, everything else a page's address by `index.html`."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import Response
from fastapi.responses import FileResponse, HTMLResponse

from services.errors import NotFound

BUILT: Final = Path(str(files("services.api"))) / "static" / "app"

PAGES: Final = frozenset({"login", "uploads", "cases", "recordings", "sessions", "link-proposals"})
"""First words of the pages' addresses, as the pages' router has them."""

FOREVER: Final = "public, max-age=31536000, immutable"
"""For files whose names carry the hash of their content: all of `assets/`."""

UNBUILT: Final = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>回溯 Huisu</title></head><body>
<h1>回溯 Huisu</h1>
<p>系统正在运行，但网页尚未构建。在源码目录执行 <code>make web</code>，然后刷新本页。接口说明见
<a href="/api/v1/openapi.json">/api/v1/openapi.json</a>。</p>
<p lang="en">The archive runs, but its pages are not built. Run <code>make web</code> in the source folder and
reload this page. The API is described at <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p>
</body></html>
"""


def page(path: str, built: Path = BUILT) -> Response:
    """
    Give the file of this path below the built pages, or their entry for an address of a page.

    Raises:
        NotFound: the path names a file that is not there, or leads elsewhere.
    """
    entry = built / "index.html"
    if not entry.is_file():
        return HTMLResponse(UNBUILT)
    root = built.resolve()
    wanted = (root / path.lstrip("/")).resolve()
    if not wanted.is_relative_to(root):
        raise NotFound(f"there is no page /{path[:200]}")
    if wanted == entry.resolve():
        path = ""
    elif wanted.is_file():
        is_hashed = wanted.relative_to(root).parts[0] == "assets"
        return FileResponse(wanted, headers={"Cache-Control": FOREVER if is_hashed else "no-cache"})
    first, _, rest = path.partition("/")
    is_file_name = "." in path.rpartition("/")[2] and not (first in PAGES and rest)  # a case number may have dots
    if path.startswith(("api/", "assets/")) or is_file_name:
        raise NotFound(f"nothing answers at /{path[:200]}")
    return FileResponse(entry, media_type="text/html", headers={"Cache-Control": "no-cache"})
