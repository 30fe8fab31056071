"""A model's zeros held through somebody else's training loop: fine-tuning that keeps the sparsity to the last weight.

    held = fcpts_core.apply_mask(model, load_file("model.safetensors"))
    ...  # train as usual, with any optimizer
    held.remove()

Parameters keep their names and identity, so optimizers and checkpoints never notice. The gradient of a held weight is
zero; that alone keeps it at zero under SGD and Adam, weight decay included, but not under momentum from before, nor
where values are copied in. So the weights themselves are set back too, after every optimizer step and before every
forward pass and `state_dict`, and only where some have moved: a write in vain would spoil graphs that wait for their
backward pass.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from fcpts_core.errors import InputError
from fcpts_core.models.attention import apart
from fcpts_core.models.layers import FUSED, all_layers


class _Zeros:
    """Which weights are held, True = zero, by the names of their parameters."""

    def __init__(self, pruned: dict[str, Tensor]) -> None:
        self.pruned = pruned

    def on(self, name: str, device: torch.device) -> Tensor:
        """The mask on the device to which its weight has gone since."""
        if self.pruned[name].device != device:
            self.pruned[name] = self.pruned[name].to(device)
        return self.pruned[name]

    @torch.no_grad()
    def restore(self, module: nn.Module, *hooked: Any) -> None:
        """Sets the held weights, and their gradients so far, back to zero; a hook of modules."""
        for name in self.pruned:
            weight = module.get_parameter(name)
            pruned = self.on(name, weight.device)
            for values in (weight, weight.grad):
                if values is not None and bool((values[pruned] != 0).any()):
                    values.masked_fill_(pruned, 0)

    def masked(self, name: str, grad: Tensor) -> Tensor:
        """The gradient without that of held weights, even where it is not finite."""
        return grad.masked_fill(self.on(name, grad.device), 0)


class Held:
    """Masks that are on; `remove`, or the end of a `with` block, takes them off and leaves the weights as they are."""

    def __init__(self, module: nn.Module, zeros: _Zeros) -> None:
        self._module, self._zeros = module, zeros
        self.parameters = tuple(zeros.pruned)
        zeros.restore(module)
        after_step = register_optimizer_step_post_hook(_after_step(weakref.ref(module), zeros))
        self._handles = [
            module.register_forward_pre_hook(zeros.restore),
            module.register_state_dict_pre_hook(zeros.restore),
            after_step,
            *(module.get_parameter(name).register_hook(_on_gradient(zeros, name)) for name in zeros.pruned),
        ]
        # The hook on optimizers is torch's own, not the module's: it goes when the module does.
        weakref.finalize(module, after_step.remove).atexit = False

    @property
    def zeros(self) -> int:
        """How many weights are held."""
        return sum(int(pruned.sum()) for pruned in self._zeros.pruned.values())

    def remove(self) -> None:
        """Takes everything off; the held weights are zero once more, and free from now on."""
        if self._handles:
            self._zeros.restore(self._module)
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def __enter__(self) -> Held:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


def apply_mask(module: nn.Module, state_or_masks: Mapping[str, Tensor]) -> Held:
    """Sets weights of `module` to zero and holds them there until the returned `Held` is removed.

    `state_or_masks` holds, under the names of parameters, nothing but masks (bool, True = kept), or else the tensors of
    a sparse model: then the exact zeros of its convolutions and linear layers are held, what it has besides is ignored,
    and no weights are copied. Names or shapes that do not fit are an InputError.
    """
    masks = apart(module, state_or_masks)
    if not all(tensor.dtype == torch.bool for tensor in masks.values()):
        masks = {name: masks[name] != 0 for name in _prunable(module) if name in masks}
    if not masks:
        raise InputError(
            "There is no mask, and no weight of a convolution or linear layer of the model: expected masks or a state "
            "dict under the names of the model's own parameters."
        )
    known = dict(module.named_parameters(remove_duplicate=False))
    for name, mask in masks.items():
        if name not in known:
            raise InputError(f"The model has no parameter {name}: expected names such as {next(iter(known), 'none')}.")
        if mask.shape != known[name].shape:
            raise InputError(
                f"The mask of {name} has shape {list(mask.shape)}: expected that of the weights, "
                f"{list(known[name].shape)}."
            )
    pruned = {name: mask.logical_not().to(known[name].device) for name, mask in masks.items() if not bool(mask.all())}
    return Held(module, _Zeros(pruned))


def _prunable(module: nn.Module) -> list[str]:
    """Names of the parameters that pruning may have touched, those of fused attention too."""
    fused = [name for name, _ in module.named_parameters() if name.rpartition(".")[2] in FUSED]
    return [f"{layer.name}.weight".removeprefix(".") for layer in all_layers(module)] + fused


def _on_gradient(zeros: _Zeros, name: str) -> Callable[[Tensor], Tensor]:
    return lambda grad: zeros.masked(name, grad)


def _after_step(module: weakref.ref[nn.Module], zeros: _Zeros) -> Callable[..., None]:
    """A hook of all optimizers; it must not keep the module alive."""

    def restore(*hooked: Any) -> None:
        if (found := module()) is not None:
            zeros.restore(found)

    return restore
