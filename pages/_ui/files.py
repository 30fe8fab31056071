"""Files that a reader brings: kept for as long as the server runs, under a name made of their content."""

from __future__ import annotations

import hashlib
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


@st.cache_resource
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fcpts-")


def stored(upload: UploadedFile | None) -> str | None:
    """Path of the uploaded file on the server; None where nothing was uploaded."""
    if upload is None:
        return None
    content = upload.getvalue()
    place = Path(_folder().name) / hashlib.sha256(content).hexdigest()[:16]
    path = place / (re.sub(r"[^\w.\-]", "_", upload.name)[-80:].lstrip(".") or "file")
    if not path.exists():
        place.mkdir(exist_ok=True)
        path.write_bytes(content)
    return str(path)
