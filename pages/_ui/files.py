"""Files that a reader brings: kept for as long as runs use them, under a name made of their content."""

from __future__ import annotations

import hashlib
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from fcpts_core.engine.artifacts import ensure_writable
from fcpts_core.errors import InputError
from fcpts_core.store.place import UPLOADS, store_directory

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


@st.cache_resource
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fcpts-")


@st.cache_resource
def _folder() -> Path:
    """In the store, so that a run that was cut off can go on after a restart; for as long as the server runs else."""
    try:
        return ensure_writable((store_directory() / UPLOADS).absolute())
    except InputError:
        return Path(_temporary().name)


def stored(upload: UploadedFile | None) -> str | None:
    """Path of the uploaded file on the server; None where nothing was uploaded."""
    if upload is None:
        return None
    content = upload.getvalue()
    place = _folder() / hashlib.sha256(content).hexdigest()[:16]
    path = place / (re.sub(r"[^\w.\-]", "_", upload.name)[-80:].lstrip(".") or "file")
    if not path.exists():
        place.mkdir(exist_ok=True)
        path.write_bytes(content)
    return str(path)
