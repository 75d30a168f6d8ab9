"""A small classifier of the embedded digits, trained on the held-out split that no GAN ever saw."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DigitClassifier(nn.Module):
    """Three convolutions and two dense layers; [N, 1, R, R] in [-1, 1] -> logits [N, 10]."""

    FEATURES = 32

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(64, 64, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(256, self.FEATURES),
            nn.ReLU(),
        )
        self.out = nn.Linear(self.FEATURES, 10)

    def forward(self, image: Tensor) -> Tensor:
        """Logits [N, 10]."""
        return self.out(self.body(image))

    @torch.no_grad()
    def features(self, image: Tensor) -> Tensor:
        """[N, FEATURES] of the layer before the last."""
        return self.body(image)


def train_classifier(images: Tensor, labels: Tensor, *, steps: int = 900) -> DigitClassifier:
    """Train on few images [N, 1, R, R] with small random shifts, turns and scalings."""
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = DigitClassifier()
    adam = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for _ in range(steps):
        chosen = torch.randint(len(images), (64,), generator=generator)
        loss = F.cross_entropy(
            model(_jitter(images[chosen], generator)), labels[chosen], label_smoothing=0.05
        )
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    return model.eval()


@torch.no_grad()
def agreement(model: DigitClassifier, images: Tensor, labels: Tensor) -> float:
    """Share of images that the classifier sees as their label."""
    return float((model(images).argmax(dim=1) == labels).double().mean())


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Squared Frechet distance of two feature clouds [N, F] taken as Gaussians."""
    a, b = first.double().numpy(), second.double().numpy()
    mean = a.mean(axis=0) - b.mean(axis=0)
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    eigenvalues = np.linalg.eigvals(cov_a @ cov_b)
    root = np.sqrt(np.clip(eigenvalues.real, 0, None)).sum()
    return float(mean @ mean + np.trace(cov_a) + np.trace(cov_b) - 2 * root)


def _jitter(images: Tensor, generator: torch.Generator) -> Tensor:
    count = len(images)

    def uniform(limit: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * limit

    angle, scale, shear = uniform(math.radians(15)), 1 + uniform(0.12), uniform(0.15)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    matrix = torch.stack(
        [
            torch.stack([cos, -sin + shear, uniform(0.15)], dim=1),
            torch.stack([sin, cos, uniform(0.15)], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    # the background is -1: shift it to zero, which is what lies outside
    return F.grid_sample(images + 1, grid, align_corners=False) - 1
