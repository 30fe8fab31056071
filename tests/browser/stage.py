"""A folder from which a variant of the app can be served: its own `app.py`, everything else that of the repository."""

from __future__ import annotations

from pathlib import Path

from tests.browser.server import ROOT


def stage(folder: Path, script: Path) -> Path:
    """Set the folder up and return the script to serve: Streamlit looks for `static/` and `pages/` beside it."""
    for name in ("static", "pages", "assets"):
        (folder / name).symlink_to(ROOT / name)
    app = folder / "app.py"
    app.write_text(f"import sys, runpy\nsys.path.insert(0, {str(ROOT)!r})\nrunpy.run_path({str(script)!r})\n")
    return app
