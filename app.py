"""The app: its name and its pages, nothing else. Start it with `make app` or `streamlit run app.py`."""

from pathlib import Path

import streamlit as st

BRAND = Path(__file__).parent / "assets" / "brand"

st.set_page_config(page_title="FCPTS Playground", page_icon=str(BRAND / "icon.svg"), layout="wide")
st.logo(str(BRAND / "wordmark.svg"), size="large", icon_image=str(BRAND / "wordmark.svg"))
PAGES = [
    st.Page("pages/playground.py", title="Playground", default=True),
    st.Page("pages/bridge.py", title="Bridge"),
    st.Page("pages/lesson.py", title="Lesson"),
    st.Page("pages/compare.py", title="Compare"),
    st.Page("pages/models.py", title="Models"),
    st.Page("pages/runs.py", title="Runs"),
    st.Page("pages/cost.py", title="Cost"),
    st.Page("pages/layers.py", title="Layers"),
    st.Page("pages/figures.py", title="Figures"),
    st.Page("pages/demo.py", title="Demo"),
]
st.navigation(PAGES, position="top").run()
