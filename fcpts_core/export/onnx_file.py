"""The sparse network as ONNX, for every engine that reads it: checked by onnx, run by onnxruntime before it is offered.

Batch norms are folded into the convolutions before them, which keeps zeros zero. The first axis of input and output,
the batch, may have any length.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from fcpts_core.errors import InputError, RunError
from fcpts_core.export.source import Source

TOLERANCE = 1e-4
"""The largest difference of any output, relative to the largest output (at least 1)."""

OPSET = 17
BATCH = 3


def onnx_file(source: Source) -> bytes:
    """The content of the `.onnx` file; InputError where the network cannot be written so, RunError where it differs."""
    content = exported(source)
    _verify(content, source)
    return content


def runtime_session(content: bytes, threads: int | None = None) -> Any:
    """onnxruntime ready to run the model on the processor, with as many threads as torch has unless told."""
    try:
        import onnxruntime
    except ImportError:
        raise InputError("onnxruntime is not installed: `pip install onnxruntime` brings it.") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or torch.get_num_threads()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def exported(source: Source) -> bytes:
    """The content as the exporter gives it, not compared with anything yet."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with TemporaryDirectory(prefix="fcpts-") as folder, warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            target = Path(folder) / "model.onnx"
            # The exporter that traces: the newer one takes half a minute for a small network, and gives the same.
            torch.onnx.export(
                source.network,
                (source.images(BATCH),),
                target,
                dynamo=False,
                opset_version=OPSET,
                input_names=["images"],
                output_names=["output"],
                dynamic_axes={"images": {0: "batch"}, "output": {0: "batch"}},
            )
            return target.read_bytes()
    except ImportError:
        raise InputError("onnx is not installed: `pip install onnx` brings it.") from None
    except Exception as error:  # tracing can fail in almost any way
        raise InputError(
            f"The network of {source.config.model} cannot be written as ONNX ({type(error).__name__}: {error}): "
            "expected one of plain tensor operations; export its weights instead."
        ) from None
    finally:
        log.setLevel(level)


def _verify(content: bytes, source: Source) -> None:
    import onnx

    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    session = runtime_session(content)
    for count in (BATCH, 1):
        images = source.images(count)
        with torch.no_grad():
            meant = source.network(images).numpy()
        (said,) = session.run(None, {"images": images.numpy()})
        scale = max(1.0, float(np.abs(meant).max()))
        if not np.allclose(said, meant, rtol=0.0, atol=TOLERANCE * scale):
            raise RunError(
                f"onnxruntime says something else than the network (by {np.abs(said - meant).max():.2g}): nothing was "
                "written, report this."
            )
    _verify_zeros(model, source)


def _verify_zeros(model: Any, source: Source) -> None:
    """Every layer's weight is found again with its very zeros, perhaps transposed and scaled channel by channel."""
    from onnx import numpy_helper

    constants = [numpy_helper.to_array(item) for item in model.graph.initializer]
    constants += [
        numpy_helper.to_array(attribute.t)
        for node in model.graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    ]
    masks = {(array.shape, (array == 0).tobytes()) for array in constants if array.ndim > 1}
    masks |= {(array.T.shape, np.ascontiguousarray(array.T == 0).tobytes()) for array in constants if array.ndim == 2}
    for layer in source.layers:
        weight = layer.weight.detach().numpy()
        if (weight.shape, np.ascontiguousarray(weight == 0).tobytes()) not in masks:
            raise RunError(f"The zeros of {layer.name} are not in the ONNX file: nothing was written, report this.")
