"""Threshold and sparsity of a layer: the bridge, its inverse, its parametrisation, and the exact budget."""

from fcpts_core.bridge.bridge import bridge, share_below, smooth_bridge
from fcpts_core.bridge.budget import check_target, most_zeros, reachable, zeros_for
from fcpts_core.bridge.inverse import threshold_for, threshold_for_count
from fcpts_core.bridge.projection import Projection, project, project_counts
from fcpts_core.bridge.threshold import THRESHOLDS, Threshold, UnitThreshold, layer_scale

__all__ = [
    "THRESHOLDS",
    "Projection",
    "Threshold",
    "UnitThreshold",
    "bridge",
    "check_target",
    "layer_scale",
    "most_zeros",
    "project",
    "project_counts",
    "reachable",
    "share_below",
    "smooth_bridge",
    "threshold_for",
    "threshold_for_count",
    "zeros_for",
]
