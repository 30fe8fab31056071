"""How images lie in memory while a run works: channel by channel, or pixel by pixel with the channels innermost.

With channels innermost least squares gathers its windows faster, and on processors passes are as fast in a quiet
machine and faster beside other work (`tests/bench/bench_passes.py`); on other devices it is only done in bfloat16.
What convolutions give lies like what they get, and some networks cannot go on with that: `x.view(len(x), -1)` of a map
is refused. So each is asked once.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from fcpts_core.data.images import ImageSet
from fcpts_core.engine.chosen_images import Chosen
from fcpts_core.measure.accuracy import eval_mode
from fcpts_core.tasks.task import Task


def arranged(images: Chosen, network: nn.Module, task: Task, dtype: torch.dtype) -> Chosen:
    """The images as they are best for this network, which learns in `dtype` where it is."""
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    if device.type != "cpu" and dtype != torch.bfloat16:
        return images
    calibration = replace(images.calibration, channels_last=True)
    if not takes(network, task, calibration, device):
        return images
    test = None if images.test is None else replace(images.test, channels_last=True)
    return replace(images, calibration=calibration, test=test)


def takes(network: nn.Module, task: Task, images: ImageSet, device: torch.device) -> bool:
    """Whether the network answers to images as they lie in memory; what else is wrong shows without it too.

    It is asked of two, since an axis of length 1 can be viewed with any other.
    """
    try:
        with eval_mode(network), torch.no_grad():
            task.rows(network, images.inputs(torch.zeros(2, dtype=torch.int64)).to(device))
    except RuntimeError:
        return False
    return True
