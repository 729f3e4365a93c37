"""One person's hand: skeleton, soft tissue, deposits, and the same hand held in a certain way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .deposits import Deposit
from .distractors import Distractor
from .frames import MIRROR, blend
from .skeleton import Angles, Skeleton
from .soft_tissue import Piece
from .tissues import Materials


@dataclass(frozen=True, eq=False)
class Hand:
    """A right hand's model (a left hand is mirrored when it is placed).

    Attributes
    ----------
    side: "left" or "right".
    rest: pose of each bone (4x4, own frame -> hand frame) with all joints at zero: the reference.
    skin, muscles: pieces of soft tissue.
    materials: densities and brightness of its tissues.
    """

    side: str
    skeleton: Skeleton
    rest: Mapping[str, np.ndarray]
    skin: tuple[Piece, ...]
    muscles: tuple[Piece, ...]
    deposits: tuple[Deposit, ...]
    materials: Materials
    distractors: tuple[Distractor, ...] = ()

    def held(
        self, angles: Angles, placement: np.ndarray, slack: np.ndarray, down: tuple[float, float, float] | None = None
    ) -> PosedHand:
        """The hand in one image; see `PosedHand`."""
        return PosedHand(self, self.skeleton.poses(angles), placement, slack, down)


@dataclass(frozen=True, eq=False)
class PosedHand:
    """A hand in one image.

    Attributes
    ----------
    bones: pose of each bone, 4x4 own frame -> hand frame.
    placement: 4x4 hand frame -> world of the image (RAS, or the view frame of a film); mirrors for a left hand.
    slack: (deposits, 3) how far soft tissue let each deposit slip in this image, hand frame, mm.
    down: direction of gravity in the world (3,); None where it runs along the beam.
    """

    hand: Hand
    bones: Mapping[str, np.ndarray]
    placement: np.ndarray
    slack: np.ndarray
    down: tuple[float, float, float] | None = None

    def bone_to_world(self, name: str) -> np.ndarray:
        """4x4 frame of the bone's shape -> world; mirrors for a left hand."""
        return self.placement @ self.bones[name]

    def reference_to_world(self, name: str) -> np.ndarray:
        """4x4 rigid: the reference hand (all joints zero, of the true side) -> world, as this bone moved."""
        return self._proper(self.placement @ self.bones[name] @ np.linalg.inv(self.hand.rest[name]))

    def distractor_to_world(self, distractor: Distractor) -> np.ndarray:
        """4x4 frame of a distractor's shape -> world."""
        return self.placement @ self.bones[distractor.bone] @ distractor.to_bone

    def piece_to_world(self, piece: Piece) -> np.ndarray:
        """4x4 frame of a piece of soft tissue -> world."""
        return self.placement @ self.bones[piece.bone] @ piece.to_bone

    def deposit_to_world(self, index: int) -> np.ndarray:
        """4x4 frame of a deposit's shape -> world: it follows the bones that carry it, and slips a little."""
        deposit = self.hand.deposits[index]
        moves = [self.bones[b] @ np.linalg.inv(self.hand.rest[b]) for b in deposit.site.carriers]
        move = blend(moves, list(deposit.site.carriers.values()), deposit.site.to_hand[:3, 3])
        placed = move @ deposit.site.to_hand
        placed[:3, 3] += self.slack[index]
        return self.placement @ placed

    def placed(self, placement: np.ndarray) -> PosedHand:
        """The same posture elsewhere."""
        return PosedHand(self.hand, self.bones, placement, self.slack, self.down)

    def _proper(self, matrix: np.ndarray) -> np.ndarray:
        """Undo the mirroring of a left hand on the side of the reference."""
        return matrix @ MIRROR if self.hand.side == "left" else matrix


def relative_pose(of: PosedHand, to: PosedHand, bone: str) -> np.ndarray:
    """4x4 rigid, world of one image -> world of another, as the bone moved between them."""
    return to.bone_to_world(bone) @ np.linalg.inv(of.bone_to_world(bone))
