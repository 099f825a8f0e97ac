"""The projection head of appendix C.3, which the loss sees and nobody else: it is thrown away after training."""

from jaxtyping import Float
from torch import Tensor, nn

#: K and hidden width / K of appendix C.3.
N_COMPONENTS, EXPANSION = 16, 4


class ProjectionHead(nn.Module):
    """Two layers with batch norm between, hidden width 4K (appendix C.3).

    Parameters
    ----------
    n_features
        Width of the encoder.
    n_components
        K.
    """

    def __init__(self, n_features: int, *, n_components: int = N_COMPONENTS) -> None:
        super().__init__()
        hidden = EXPANSION * n_components
        self.layers = nn.Sequential(
            nn.Linear(n_features, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, n_components),
        )

    def forward(self, features: Float[Tensor, "b d"]) -> Float[Tensor, "b k"]:
        """Embeddings of features."""
        z: Tensor = self.layers(features)
        return z


class Projected(nn.Module):
    """Encoder with its head; returns features and embeddings."""

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, x: Tensor) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b k"]]:
        """Features and embeddings of a batch."""
        features = self.encoder(x)
        return features, self.head(features)
