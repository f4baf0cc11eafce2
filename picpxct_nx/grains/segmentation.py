"""Grains as connected regions of like dichroism: total variation, watershed, and merging of what does not differ."""

import heapq
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.restoration import denoise_tv_chambolle
from skimage.segmentation import watershed

Floats = NDArray[np.float64]
Labels = NDArray[np.int32]


@dataclass(frozen=True)
class Recipe:
    """How grains are found; chosen by the adapted Rand error on simulated particles (benchmarks/grainmap.py).

    Attributes
    ----------
    tv_weight : float
        Weight of the total variation, in standard deviations of the noise.
    blur_px : float
        Sigma of the Gaussian derivative of which the watershed takes the modulus, pixels.
    significance : float
        Two regions are one while their mean signals differ by less than this squared in standard deviations.
    floor : float
        Part of the range of the signals that is taken for a standard deviation whatever the noise: with the
        significance, what an axis in the plane changes by when it turns by 4 to 6 degrees. Maps of electron diffraction
        part grains at 5 to 15 degrees; what a solver leaves in a grain is not white, and looks like less.
    least_pixels : int
        Smaller regions belong to their most similar neighbour.
    least_width_px : int
        So do regions that are nowhere as wide as this: rims, where two grains are seen at once.
    """

    tv_weight: float = 4.0
    blur_px: float = 0.7
    significance: float = 5.0
    floor: float = 0.02
    least_pixels: int = 40
    least_width_px: int = 4


def denoised(signal: Floats, usable: NDArray[np.bool_], noise: float, recipe: Recipe) -> Floats:
    """Signal maps (P, H, W) over their noise, by total variation of all polarisations together.

    Pixels that cannot be used take the value of the nearest that can, so that no edge runs along the mask.

    References
    ----------
    Chambolle, J. Math. Imaging Vis. 20, 89 (2004), DOI 10.1023/B:JMIV.0000011325.36760.1e; skimage's implementation.
    """
    nearest = ndimage.distance_transform_edt(~usable, return_distances=False, return_indices=True)
    filled = np.stack([image[tuple(nearest)] for image in signal]) / max(noise, np.finfo(float).tiny)
    smooth = denoise_tv_chambolle(np.moveaxis(filled, 0, -1), weight=recipe.tv_weight, channel_axis=-1, eps=1e-5)  # type: ignore[no-untyped-call]
    return np.moveaxis(smooth, -1, 0)


def segment(signal: Floats, errors: Floats, usable: NDArray[np.bool_], recipe: Recipe | None = None) -> Labels:
    """Label every usable pixel with its grain, 1 for the largest; 0 where not usable.

    The maps are denoised by total variation together; the watershed of the modulus of their gradient, from all of its
    minima, cuts them into many regions; of these, neighbours are merged as long as their mean signals do not differ
    significantly, the most similar first. With two polarisations, grains that are mirror images cannot be told apart.

    Parameters
    ----------
    signal, errors : (P, H, W)
        Signals and standard deviations of every polarisation, NaN where not usable.
    usable : (H, W) bool
    recipe : Recipe, optional

    Returns
    -------
    (H, W) int32

    References
    ----------
    Vincent & Soille, IEEE Trans. Pattern Anal. Mach. Intell. 13, 583 (1991), DOI 10.1109/34.87344: watershed.
    """
    recipe = recipe or Recipe()
    smooth = denoised(signal, usable, float(np.median(errors[:, usable])), recipe)
    slope = np.sqrt(sum(ndimage.gaussian_gradient_magnitude(image, recipe.blur_px) ** 2 for image in smooth))
    regions = np.asarray(watershed(slope, mask=usable), np.int32)  # type: ignore[no-untyped-call]
    spread = np.ptp(np.quantile(signal[:, usable], [0.02, 0.98]))
    merged = _Merging.of(regions, signal, errors, recipe.floor * float(spread))
    merged.merge(recipe.significance**2)
    while small := _too_small(merged.labels(regions), recipe):
        if not merged.absorb(small):
            break
    return _by_size(np.where(usable, merged.labels(regions), 0), recipe)


def _too_small(labels: Labels, recipe: Recipe) -> list[int]:
    """Labels of regions with too few pixels, or nowhere wide enough, the smallest first."""
    pixels = np.bincount(labels.ravel())
    # A region is as wide as the square that fits into it.
    square = ndimage.minimum_filter(labels, recipe.least_width_px) == ndimage.maximum_filter(
        labels, recipe.least_width_px
    )
    wide = np.bincount(labels[square].ravel(), minlength=len(pixels))
    found = np.flatnonzero((pixels > 0) & ((pixels < recipe.least_pixels) | (wide == 0)))
    return [int(i) for i in found[np.argsort(pixels[found])] if i > 0]


def _by_size(labels: Labels, recipe: Recipe) -> Labels:
    """Labels from 1 by falling size; regions that stayed too small, for want of neighbours, are 0."""
    lost = _too_small(labels, recipe)
    kept = np.where(np.isin(labels, lost), 0, labels)
    pixels = np.bincount(kept.ravel())
    pixels[0] = 0
    order = np.argsort(-pixels, kind="stable")
    number = np.zeros(len(pixels), np.int32)
    number[order[: np.count_nonzero(pixels)]] = np.arange(1, np.count_nonzero(pixels) + 1)
    return number[kept]


@dataclass
class _Merging:
    """Regions with their weights, weighted signals (P, n) and neighbours, and into which one each was merged."""

    weight: Floats
    total: Floats
    neighbours: dict[int, set[int]]
    floor: float
    parent: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, regions: Labels, signal: Floats, errors: Floats, floor: float) -> "_Merging":
        n, flat = int(regions.max()) + 1, regions.ravel()
        inside = flat > 0
        # An error of zero would make one pixel speak for all.
        least = max(float(np.nanmedian(errors)) * 1e-3, np.finfo(float).tiny)
        weights = [1 / np.maximum(image.ravel()[inside], least) ** 2 for image in errors]
        weight = np.stack([np.bincount(flat[inside], w, n) for w in weights]).astype(np.float64)
        pairs = zip(signal, weights, strict=True)
        sums = [np.bincount(flat[inside], image.ravel()[inside] * w, n) for image, w in pairs]
        neighbours: dict[int, set[int]] = {i: set() for i in range(n)}
        for a, b in ((regions[1:], regions[:-1]), (regions[:, 1:], regions[:, :-1])):
            touching = (a != b) & (a > 0) & (b > 0)
            for u, v in set(zip(a[touching].tolist(), b[touching].tolist(), strict=True)):
                neighbours[u].add(v)
                neighbours[v].add(u)
        return cls(weight, np.stack(sums).astype(np.float64), neighbours, floor, list(range(n)))

    def apart(self, u: int, v: int) -> float:
        """Squared difference of the mean signals of two regions in units of its variance."""
        difference = self.total[:, u] / self.weight[:, u] - self.total[:, v] / self.weight[:, v]
        variance = 1 / self.weight[:, u] + 1 / self.weight[:, v] + self.floor**2
        return float(np.sum(difference**2 / variance))

    def join(self, u: int, v: int) -> None:
        """Make v a part of u."""
        self.parent[v] = u
        self.weight[:, u] += self.weight[:, v]
        self.total[:, u] += self.total[:, v]
        for other in self.neighbours.pop(v):
            self.neighbours[other].discard(v)
            if other != u:
                self.neighbours[other].add(u)
                self.neighbours[u].add(other)

    def merge(self, least: float) -> None:
        """Join the most similar neighbours until all differ by at least `least`."""
        queue = [(self.apart(u, v), u, v, 0, 0) for u in self.neighbours for v in self.neighbours[u] if u < v]
        heapq.heapify(queue)
        version = [0] * len(self.parent)
        while queue:
            apart, u, v, version_u, version_v = heapq.heappop(queue)
            if apart >= least:
                return
            if (version[u], version[v]) != (version_u, version_v) or v not in self.neighbours.get(u, ()):
                continue
            self.join(u, v)
            version[u] += 1
            version[v] += 1
            for other in self.neighbours[u]:
                heapq.heappush(queue, (self.apart(u, other), u, other, version[u], version[other]))

    def absorb(self, small: list[int]) -> bool:
        """Join each of these regions to its most similar neighbour; whether any had one."""
        done = False
        for region in small:
            if self.neighbours.get(region):
                nearest = min(self.neighbours[region], key=lambda other: self.apart(region, other))
                self.join(nearest, region)
                done = True
        return done

    def labels(self, regions: Labels) -> Labels:
        """The label image with what was merged."""
        final = np.arange(len(self.parent), dtype=np.int32)
        for i in final:
            root = int(i)
            while self.parent[root] != root:
                root = self.parent[root]
            final[i] = root
        return final[regions]
