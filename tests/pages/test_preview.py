"""What is drawn before anything has run: the allocation where the weights alone say it, else where a search begins."""

from fcpts_core.engine.config import RunConfig
from pages._ui.preview import preview


def drawn(allocation: str) -> tuple[float, ...]:
    (before,) = preview(RunConfig(method="best", sparsity=0.9, overrides={"allocation": allocation})).history
    return before.layer_sparsity


def test_a_search_is_drawn_where_it_begins() -> None:
    power, uniform = drawn("power"), drawn("uniform")
    assert len(set(power)) > 5
    assert drawn("priced") == power
    assert drawn("sensitivity") == uniform
    assert max(uniform) - min(uniform) < 0.01
