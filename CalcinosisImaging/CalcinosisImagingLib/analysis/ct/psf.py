"""The scanner's point spread: a Gaussian, and two wider ones for the overshoot of sharp kernels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr

from .crops import along_axes
from .grid import Box

FWHM_PER_SIGMA = 2.3548
WIDER, FAR = 2.0, 3.0
"""Widths of the second and the third Gaussian relative to the first."""
LEAST_BLUR = 0.3
"""A blur is not taken narrower than this many finer voxels."""
NO_GAIN = 0.02
"""A smaller gain is not worth the other Gaussians."""


@dataclass(frozen=True)
class PointSpread:
    """Sum of separable Gaussians of weights ``1 + gain - far``, ``-gain`` and ``far``; the voxel is no part of it.

    Attributes
    ----------
    sigma_mm: of the narrow Gaussian along k, j, i.
    gain: 0 is a plain Gaussian; edges of a sharp kernel (gain 0.5) overshoot by a twelfth of their step.
    far: of the third, which lets the overshoot of very sharp kernels be narrower than the second Gaussian alone.
    """

    sigma_mm: tuple[float, float, float]
    gain: float = 0.0
    far: float = 0.0

    @property
    def parts(self) -> list[tuple[float, np.ndarray]]:
        """Weight and sigma (mm, along k, j, i) of each Gaussian."""
        narrow = np.array(self.sigma_mm)
        return [(weight, ratio * narrow) for weight, ratio in self.weights]

    @property
    def weights(self) -> list[tuple[float, float]]:
        """Weight of each Gaussian, and its width relative to the first."""
        if max(abs(self.gain), abs(self.far)) < NO_GAIN:
            return [(1.0, 1.0)]
        terms = [(1.0 + self.gain - self.far, 1.0), (-self.gain, WIDER), (self.far, FAR)]
        return terms if self.far else terms[:2]

    @property
    def fwhm_mm(self) -> float:
        """Full width at half maximum of its line spread, mean of the three axes."""
        x = np.linspace(0.0, 3.0, 601)
        line = sum(weight / ratio * np.exp(-((x / ratio) ** 2) / 2) for weight, ratio in self.weights)
        half = x[int((line < line[0] / 2).argmax())]
        return float(2 * half * np.mean(self.sigma_mm))


def gaussian(fwhm_mm: float) -> PointSpread:
    """A plain Gaussian of that full width at half maximum."""
    sigma = fwhm_mm / FWHM_PER_SIGMA
    return PointSpread((sigma, sigma, sigma))


class Imaging:
    """What a scan makes of a body on a grid of finer voxels: blurred, and averaged into the scan's voxels.

    Exact for any position of the body, as sampling a blurred image of whole voxels is not. A partly filled finer voxel
    counts as evenly grey, which widens the body by the variance of such a voxel; the blur is taken that much narrower.
    """

    def __init__(
        self, shape: tuple[int, int, int], spacing: np.ndarray, psf: PointSpread, times: int, inner: Box | None = None
    ) -> None:
        """``inner``: part of the scan's voxels outside which there is neither body nor image to go back from."""
        self._inner = inner or tuple(slice(0, n) for n in shape)
        self._finer = tuple(slice(s.start * times, s.stop * times) for s in self._inner)
        self._there, self._back = [], []
        for weight, sigma in psf.parts:
            axes = [_axis_matrix(n, times, float(h), float(s)) for n, h, s in zip(shape, spacing, sigma, strict=True)]
            for terms, parts, scale in (
                (self._there, [m[:, s] for m, s in zip(axes, self._finer, strict=True)], weight),
                (self._back, [m[s].T for m, s in zip(axes, self._inner, strict=True)], weight * times**3),
            ):
                terms.append((np.float32(scale) * parts[0], *parts[1:]))

    def __call__(self, fine: np.ndarray) -> np.ndarray:
        """Fractions of the finer voxels (float32) -> image of contrast 1 on the scan's voxels."""
        return _sum_of_products(fine[self._finer], self._there)

    def back(self, image: np.ndarray) -> np.ndarray:
        """The adjoint, times the number of finer voxels in one: an image blurred once more, on the finer voxels."""
        return _sum_of_products(image[self._inner], self._back)


def _sum_of_products(array: np.ndarray, terms: list[tuple[np.ndarray, ...]]) -> np.ndarray:
    """Sum over the point spread's Gaussians of the products along all axes."""
    result = along_axes(array, *terms[0])
    for matrices in terms[1:]:
        result += along_axes(array, *matrices)
    return result


@lru_cache(maxsize=256)
def _axis_matrix(count: int, times: int, spacing: float, sigma: float) -> np.ndarray:
    """(count, count * times): share of each finer voxel in each voxel along one axis."""
    step = spacing / times
    sigma = np.sqrt(max(sigma**2 - step**2 / 12, (LEAST_BLUR * step) ** 2))
    offset = np.arange(-count * times + 1, count * times) * step
    share = ndtr((offset + step / 2) / sigma) - ndtr((offset - step / 2) / sigma)
    fine = np.arange(count * times)
    matrix = share[fine[:, None] - fine[None] + count * times - 1]
    return matrix.reshape(count, times, -1).mean(axis=1).astype(np.float32)
