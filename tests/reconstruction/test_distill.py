"""The loop's single steps: where thresholds start, what moves what, what a step reports."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from fcpts_core.allocation import uniform
from fcpts_core.allocation.respect import budget_under
from fcpts_core.density import estimate
from fcpts_core.masks.estimators import ESTIMATORS, window
from fcpts_core.masks.parametrization import original
from fcpts_core.problem import Problem
from fcpts_core.reconstruction import distill, schedule
from fcpts_core.reconstruction.losses import OBJECTIVES
from fcpts_core.reconstruction.schedule import scheduled_target
from tests.cases import NETWORKS, begin, conv_net, images, learn, problem, thresholds, transformer, zeros_of


def tensors(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("ramp_start", [0.0, 0.4, 1.0])
def test_thresholds_start_at_the_allocation_of_the_first_target(network: str, ramp_start: float) -> None:
    task = problem(NETWORKS[network](), ramp_start=ramp_start)
    weights = [layer.weight.detach() for layer in task.layers]
    floor = zeros_of(weights) / task.total
    shares = uniform(weights, max(floor, 0.6 * ramp_start), 1.0)
    for weight, share, t in zip(weights, shares, thresholds(begin(task)), strict=True):
        assert int((weight.abs() < t).sum()) == round(share * weight.numel())


def test_a_model_sparser_than_the_first_target_starts_where_it_is() -> None:
    network = transformer()
    with torch.no_grad():
        for encoder in network.encoders:
            for parameter in encoder.parameters():
                parameter[..., ::2] = 0
    task = problem(network, sparsity=0.8, ramp_start=0.1)
    floor = zeros_of([layer.weight for layer in task.layers]) / task.total
    assert floor > 0.8 * 0.1
    assert learn(task, 1)[1][0].sparsity == pytest.approx(floor)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("network", NETWORKS)
def test_learning_lowers_every_objective(network: str, objective: str) -> None:
    """The same images each time, norms at rest and the final target from the start, so that nothing else moves it."""
    task = problem(
        NETWORKS[network](),
        objective=objective,
        data=images(12),
        steps=30,
        batch_size=12,
        augment="none",
        ramp=0.0,
        learning_rate=0.01,
        block_weight=1.0,
    )
    losses = [measured.reconstruction for measured in learn(task, 30)[1]]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_both_optimizers_learn(optimizer: str) -> None:
    task = problem(
        conv_net(), optimizer=optimizer, learning_rate=0.005, steps=20, ramp=0.0, augment="none", batch_size=24
    )
    losses = [measured.reconstruction for measured in learn(task, 20)[1]]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("gradient", ["priced", "plain"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_task_moves_thresholds_by_itself_unless_masks_take_no_gradient(estimator: str, gradient: str) -> None:
    task = problem(conv_net(), control_weight=0, estimator=estimator, threshold_gradient=gradient, steps=4)
    before = thresholds(begin(task))
    after = thresholds(learn(task, 4)[0])
    layers = [layer for layer in task.layers if layer.name not in ("idle", "gain")]
    moved = [now != then for now, then, layer in zip(after, before, task.layers, strict=True) if layer in layers]
    assert all(moved) if estimator != "none" else before == after


@pytest.mark.parametrize("control", ["absolute", "squared"])
@pytest.mark.parametrize("gradient", ["priced", "plain"])
def test_the_control_alone_brings_the_sparsity_to_the_target(gradient: str, control: str) -> None:
    """From a third of the target up; the target is in force from the first step."""
    task = problem(
        transformer(),
        sparsity=0.6,
        estimator="none",
        threshold_gradient=gradient,
        control=control,
        control_weight=1 if (gradient, control) == ("priced", "absolute") else 20,
        threshold_rate=0.1,
        steps=60,
        learning_rate=0,
        ramp=0,
    )
    state = begin(task)
    for mask, layer in zip(state.masks, task.layers, strict=True):
        mask.threshold.assign(float(layer.weight.detach().abs().quantile(0.2)))
    with distill.attached(task, state):
        measured = [distill.step(task, state) for _ in range(60)]
    assert measured[0].sparsity == pytest.approx(0.2, abs=0.02)
    assert measured[-1].sparsity == pytest.approx(0.6, abs=0.03)


@pytest.mark.parametrize("estimator", ["none", "window"])
def test_a_plain_step_goes_down_the_written_out_gradient(estimator: str) -> None:
    """`theta <- theta - rate dt/dtheta (-sum g w k + lambda sign(R - R*) n dr/dt / N)`, with `g = dL_rec/d(w m)`."""
    data = images(8)
    task = problem(
        transformer(),
        sparsity=0.5123,
        data=data,
        estimator=estimator,
        threshold_gradient="plain",
        objective="logits",
        augment="none",
        steps=1,
        ramp=0.0,
        control_weight=0.3,
        warmup=0.0,
    )
    state = begin(task)
    weights = {f"{layer.name}.weight": layer.weight.detach().clone() for layer in task.layers}
    values, thetas = thresholds(state), [mask.threshold.theta.item() for mask in state.masks]
    masked = {name: (w * (w.abs() >= t)).requires_grad_() for (name, w), t in zip(weights.items(), values, strict=True)}
    loss = (functional_call(task.student, masked, (data.inputs(),)) - task.teacher(data.inputs())).square().mean()
    grads = torch.autograd.grad(loss, list(masked.values()))
    with distill.attached(task, state):
        measured = distill.step(task, state)
    assert measured.reconstruction == pytest.approx(loss.item(), rel=1e-5)
    sign = math.copysign(1, measured.sparsity - 0.5123)
    for mask, w, g, t, theta in zip(state.masks, weights.values(), grads, values, thetas, strict=True):
        swept = window(w, torch.tensor(t), mask.density.bandwidth)
        own = -(g * w * swept).sum().item() if estimator == "window" else 0.0
        push = 0.3 * sign * w.numel() / task.total * mask.density.slope(torch.tensor(t)).item()
        slope = float(mask.threshold.scale) / (1 + math.exp(-theta))
        expected = -task.settings.threshold_rate * (own + push) * slope
        assert mask.threshold.theta.item() - theta == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_a_priced_step_moves_no_threshold_by_more_than_the_rate_allows() -> None:
    task = problem(conv_net(), threshold_rate=0.04 / schedule.MOST_LONGER, control_weight=1, steps=8)
    _, measured = learn(task, 8)
    for before, after in pairwise(measured):
        for then, now in zip(before.thresholds, after.thresholds, strict=True):
            assert abs(math.log(now / then)) <= 0.04 * 2 * 1.05


@pytest.mark.parametrize("network", NETWORKS)
def test_a_step_reports_what_its_forward_pass_used(network: str) -> None:
    task = problem(NETWORKS[network](), steps=5)
    state = begin(task)
    with distill.attached(task, state):
        for step in range(5):
            masks = list(zip(task.layers, thresholds(state), strict=True))
            shares = [float((original(layer).abs() < t).float().mean()) for layer, t in masks]
            measured = distill.step(task, state)
            assert measured.step == step + 1 == state.step
            assert measured.thresholds == tuple(t for _, t in masks)
            assert measured.layer_sparsity == pytest.approx(shares)
            assert measured.sparsity == pytest.approx(
                sum(r * layer.weights for r, (layer, _) in zip(shares, masks, strict=True)) / task.total
            )
            assert measured.scheduled_target == scheduled_target(task.settings, 0.6, step)
            assert measured.control == pytest.approx(abs(measured.sparsity - measured.scheduled_target), abs=1e-7)
            assert measured.total == measured.reconstruction + measured.control


def test_the_curvature_is_the_fading_mean_of_the_squared_gradients() -> None:
    """As they are before they are clipped, with less and less memory of the older ones."""
    task = problem(conv_net(), clip=1e-3, steps=4)
    state = begin(task)
    grads: list[Tensor] = []
    task.layers[0].weight.register_hook(grads.append)
    with distill.attached(task, state):
        for _ in range(4):
            distill.step(task, state)
    shares = torch.tensor([distill.MEMORY**age for age in (3, 2, 1, 0)])
    expected = torch.einsum("k,kabcd->abcd", shares / shares.sum(), torch.stack(grads).square())
    torch.testing.assert_close(state.masks[0].curvature, expected)


def test_densities_follow_the_weights_every_few_steps() -> None:
    task = problem(conv_net(), steps=22)
    state = begin(task)
    seen, now = [], None
    with distill.attached(task, state):
        for step in range(22):
            weights = original(task.layers[0]).detach().clone()
            distill.step(task, state)
            if state.masks[0].density is not now:
                now = state.masks[0].density
                seen.append(step)
                assert now.bandwidth == estimate(weights).bandwidth
    assert seen == [0, 10, 20]


def test_norms_and_biases_learn_and_matrices_decay() -> None:
    task = problem(conv_net(), weight_decay=0.5, learning_rate=0.01, steps=1, control_weight=0)
    before = tensors(task.student)
    learn(task, 1)
    for name in ("bn1.weight", "bn1.bias", "linear.bias", "stage.1.pointwise.bias"):
        assert not torch.equal(before[name], task.student.state_dict()[name])
    decaying = problem(conv_net(), weight_decay=0.5, objective="blocks", block_weight=0, learning_rate=0.01, steps=1)
    learn(decaying, 1)
    found = decaying.student.state_dict()
    factor = 1 - 0.01 * 0.5 * (1 + decaying.settings.momentum * decaying.settings.nesterov)
    for name, tensor in before.items():
        if name in ("conv1.weight", "stage.0.conv1.weight", "stage.1.depthwise.weight"):
            torch.testing.assert_close(found[name], factor * tensor)
        elif name in ("bn1.weight", "bn1.bias", "stage.1.depthwise.bias", "stage.1.bn.weight"):
            assert torch.equal(found[name], tensor)


@pytest.mark.parametrize("norms", ["train", "eval"])
def test_the_teacher_learns_nothing(norms: str) -> None:
    task = problem(conv_net(), teacher_norms=norms)
    before = tensors(task.teacher)
    learn(task, 3)
    after = tensors(task.teacher)
    for name, tensor in before.items():
        counted = "running" in name or "num_batches" in name
        assert torch.equal(tensor, after[name]) == (norms == "eval" or not counted)
    assert all(parameter.grad is None for parameter in task.teacher.parameters())


@pytest.mark.parametrize("student", ["train", "eval"])
@pytest.mark.parametrize("teacher", ["train", "eval"])
def test_norms_are_in_the_settings_modes_while_it_learns(student: str, teacher: str) -> None:
    task = problem(conv_net(), student_norms=student, teacher_norms=teacher)
    with distill.attached(task, begin(task)):
        for network, mode in ((task.student, student), (task.teacher, teacher)):
            modes = {part.training for part in network.modules() if isinstance(part, nn.BatchNorm2d)}
            assert modes == {mode == "train"}
    assert not any(part.training for network in (task.student, task.teacher) for part in network.modules())


@pytest.mark.parametrize("network", NETWORKS)
def test_no_layer_is_left_with_less_than_its_floor(network: str) -> None:
    """However cheap its zeros seem: thresholds that leap are brought back to the floor of the target in force."""
    task = problem(
        NETWORKS[network](), sparsity=0.6, threshold_rate=3.0 / schedule.MOST_LONGER, steps=8, ramp=0.0, keep_floor=0.5
    )
    came = [zeros_of([layer.weight]) for layer in task.layers]
    state, steps = learn(task, 8)
    for measured in steps[1:]:
        for share, layer, zeros, given in zip(measured.layer_sparsity, task.layers, came, state.shares, strict=True):
            assert round(share * layer.weights) <= max((1 - 0.5 * (1 - given)) * layer.weights, zeros)
    free = problem(
        NETWORKS[network](), sparsity=0.6, threshold_rate=3.0 / schedule.MOST_LONGER, steps=8, ramp=0.0, keep_floor=0.0
    )
    assert any(max(measured.layer_sparsity) > 0.8 for measured in learn(free, 8)[1][1:])


def test_the_floor_is_a_share_of_what_the_allocation_left_the_layer() -> None:
    """Of its own keep ratio at the target; on the way there all keep ratios are raised to one power."""
    task = problem(conv_net(), sparsity=0.9, keep_floor=0.5)
    shares = tuple(0.95 if at % 2 else 0.8 for at in range(len(task.layers)))
    assert distill.most_shares(task, shares, 0.9) == pytest.approx(
        [0.975 if at % 2 else 0.9 for at in range(len(shares))]
    )
    half_way = distill.most_shares(task, shares, 1 - math.sqrt(0.1))
    assert half_way == pytest.approx([1 - 0.5 * math.sqrt(1 - share) for share in shares])
    uniform = distill.most_shares(task, (0.9,) * len(shares), 0.6)
    assert uniform == pytest.approx([1 - 0.5 * 0.4] * len(shares))


@pytest.mark.parametrize("budget", ["weights", "flops"])
def test_the_final_factor_carries_no_layer_past_its_floor(budget: str) -> None:
    """Thresholds far from the target, one of them far above the others: without a floor its layer would end empty."""

    def ended(floor: float) -> tuple[Problem, list[float]]:
        task = problem(conv_net(), sparsity=0.7, keep_floor=floor, budget=budget)
        state = begin(task)
        names = [layer.name for layer in task.layers]
        for name, mask in zip(names, state.masks, strict=True):
            mask.threshold.assign(5.0 if name == "stage.0.conv2" else 0.01)
        distill.finish(task, state)
        zeros = [zeros_of([layer.weight]) for layer in task.layers]
        assert budget_under("unstructured", task.dense, 0.7, worth=task.worth).met_by(zeros)
        return task, [count / layer.weights for count, layer in zip(zeros, task.layers, strict=True)]

    task, shares = ended(0.5)
    at = [layer.name for layer in task.layers].index("stage.0.conv2")
    for layer, share, dense in zip(task.layers, shares, task.dense, strict=True):
        assert share <= max(math.ceil(0.85 * layer.weights), zeros_of([dense])) / layer.weights
    assert shares[at] > 0.8
    assert ended(0.0)[1][at] == 1.0
