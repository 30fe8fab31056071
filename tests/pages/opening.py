"""Pages opened by an address, without a browser, and what stands on them."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

PATIENCE = 60
"""Seconds that a page or a run may take."""


def page(path: Path) -> AppTest:
    """The script of a page, not run yet."""
    return AppTest.from_file(str(path), default_timeout=PATIENCE)


def opened(app: AppTest, **address: str) -> AppTest:
    """The page as this address shows it."""
    for name, text in address.items():
        app.query_params[name] = text
    app.run()
    assert not app.exception
    return app


def address(app: AppTest) -> dict[str, str]:
    """The address that the page has given itself."""
    return {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}


def labels(app: AppTest) -> set[str]:
    """The words on all buttons."""
    return {button.label for button in app.button}
