"""Scripts that the browser fetches once and keeps: plotly.js and the components' own modules.

Streamlit serves the folder `static/` beside `app.py`. What is put there has a name that changes with its content, so a
browser never holds a stale one. Files are dated far back because a browser trusts a file without an expiry date for a
tenth of its age: dated so, it does not even ask again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import streamlit as st

STATIC = Path(__file__).resolve().parents[2] / "static"
SHARED = Path(__file__).resolve().parent / "shared"
LONG_AGO = 946_684_800  # 1 January 2000


def component_js(folder: Path, main: str, settings: Mapping[str, Any]) -> str:
    """JavaScript of a component whose modules are the `.js` files of `folder`, `main` the one with the default export.

    They are published for the browser to fetch, together with the modules that all components share and a module
    `settings.js` that exports `settings`; the two lines returned here are all that travels with a message.
    """
    modules = {path.name: path.read_text() for place in (SHARED, folder) for path in sorted(place.glob("*.js"))}
    modules["settings.js"] = "".join(f"export const {key} = {json.dumps(value)};\n" for key, value in settings.items())
    digest = hashlib.sha256("\0".join(part for item in modules.items() for part in item).encode()).hexdigest()[:12]
    for name, text in modules.items():
        _put(f"{folder.name}-{digest}/{name}", text.encode())
    address = json.dumps(url(f"{folder.name}-{digest}/{main}"))
    return (
        f"const module = import(new URL({address}, document.baseURI).href);\n"
        "export default async (component) => (await module).default(component);\n"
    )


@cache
def plotly_url() -> str:
    """Where the browser finds the plotly.js of the installed plotly package, which is never imported for it."""
    spec = find_spec("plotly")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("The package plotly is missing: run `make install`.")
    source = Path(spec.submodule_search_locations[0]) / "package_data" / "plotly.min.js"
    name = f"plotly-{version('plotly')}.min.js"
    _put(name, source.read_bytes())
    return url(name)


def url(name: str) -> str:
    """Address of a published file, from the root of the server."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return "/".join(("", *filter(None, (base, "app/static", name))))


def _put(name: str, content: bytes) -> None:
    target = STATIC / name
    if target.exists() and target.stat().st_size == len(content):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    draft.write_bytes(content)
    os.utime(draft, (LONG_AGO, LONG_AGO))
    draft.replace(target)
