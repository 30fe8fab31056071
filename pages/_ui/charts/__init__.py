"""Pure functions from a moment of a run to panels: no Streamlit here, so every chart can be tested as data."""

from pages._ui.charts.allocation import allocation
from pages._ui.charts.layer import layer
from pages._ui.charts.layers import layers
from pages._ui.charts.learning import learning
from pages._ui.charts.moment import Moment, moment_at

__all__ = ["Moment", "allocation", "layer", "layers", "learning", "moment_at"]
