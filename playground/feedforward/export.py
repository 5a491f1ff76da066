"""A trained network as an ONNX file, for programs without torch.

Called by the command line and the page. Knows no recipe.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from playground.feedforward.layouts import ModelError
from playground.feedforward.model import Model
from playground.networks.normalisation import TorchConvention
from playground.system.files import whole_file

OPSET = 18


class _UnitRgb(nn.Module):
    """The network from unit RGB to unit RGB, so that whoever runs the file needs to know no convention."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        convention = TorchConvention()
        self.network = network
        self.mean, self.std = nn.Buffer(convention.mean), nn.Buffer(convention.std)

    def forward(self, photo: Tensor) -> Tensor:  # the name of the input in the file
        return (self.network((photo - self.mean) / self.std) * self.std + self.mean).clamp(0, 1)


def export_onnx(model: Model, output: Path) -> None:
    """Write the model as ONNX: input "photo", output "painted", both N×3×H×W RGB in [0, 1], sides divisible by four.

    Raises:
        ModelError: it cannot be written.
    """
    sides = {0: torch.export.Dim("pictures"), 2: 4 * torch.export.Dim("h", min=3), 3: 4 * torch.export.Dim("w", min=3)}
    try:
        with whole_file(output) as unfinished, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                _UnitRgb(model.network).eval(), (torch.rand(2, 3, 64, 48),), str(unfinished), dynamo=True,
                dynamic_shapes={"photo": sides}, input_names=["photo"], output_names=["painted"],
                external_data=False, opset_version=OPSET, verbose=False,
            )  # fmt: skip
    except OSError as error:
        raise ModelError(f"{str(output)!r} could not be written ({error.strerror}): choose another folder.") from error
