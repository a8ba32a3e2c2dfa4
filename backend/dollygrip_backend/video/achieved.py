"""Whether a video obeys its camera: the camera recovered from its frames against the one that was asked for.

The figures are those of the papers on camera-controlled video. With poses relative to the first frame, R_i the
camera-to-world rotations asked for and R'_i those recovered, T_i and T'_i the camera's positions and s, s' the largest
distance of each from its start:

    RotErr   = sum over frames of arccos((trace(R'_i^T R_i) - 1) / 2), in radians        CameraCtrl (arXiv 2404.02101)
    TransErr = sum over frames of |T'_i / s' - T_i / s|                                  CamI2V (arXiv 2410.15957)
    CamMC    = sum over frames of |[R'_i | T'_i / s'] - [R_i | T_i / s]|, Frobenius      MotionCtrl (arXiv 2312.03641)

in the forms of CamI2V's evaluation code, which recovers the camera with GLOMAP and fixed lenses, as we do. They are
sums: only shots of equal length compare.
"""

import numpy as np

from dollygrip.achieved import AchievedCamera
from dollygrip.rotations import angle_between
from dollygrip.trajectory import Trajectory
from dollygrip_backend.video.recovery import Recovered

STILL = 0.01  # scene depths: a camera that goes no further has no scale of its own


def achieved_camera(requested: Trajectory, recovered: Recovered) -> AchievedCamera:
    """A recovered camera in the world and unit of the requested one, with its errors; the lengths must be equal.

    They compare over the frames that are found, relative to the first of them; in the sums their mean stands for the
    others. The recovered translation is scaled to fit (least squares), and a position's error is a share of the
    request's largest distance from its start. Where that is less than STILL, translations are in scene depths: the
    recovered camera's is the median depth of its anchors.
    """
    found, count = recovered.found, len(requested)
    wanted = np.linalg.inv(requested.c2w[recovered.first]) @ requested.c2w[found]
    got = recovered.c2w[found]
    angles = angle_between(got[:, :3, :3], wanted[:, :3, :3])
    far, got_far = (float(np.linalg.norm(poses[:, :3, 3], axis=1).max()) for poses in (wanted, got))
    if far < STILL * requested.scene_depth:
        unit = requested.scene_depth
        got_unit = float(np.median(recovered.anchors[:, 2])) if recovered.moves else 1.0
        scale = unit / got_unit
    else:
        unit, got_unit = far, got_far if recovered.moves else 1.0
        square = float(np.sum(got[:, :3, 3] ** 2))
        # Never below 0: a move the other way round is no match.
        scale = max(0.0, float(np.sum(got[:, :3, 3] * wanted[:, :3, 3])) / square) if square > 0 else 1.0
    difference = np.concatenate(
        [got[:, :3, :3] - wanted[:, :3, :3], got[:, :3, 3:] / got_unit - wanted[:, :3, 3:] / unit], -1
    )
    rotation, position = np.full(count, np.nan), np.full(count, np.nan)
    rotation[found] = np.degrees(angles)
    position[found] = np.linalg.norm(scale * got[:, :3, 3] - wanted[:, :3, 3], axis=1) / unit
    poses = recovered.c2w.copy()
    poses[:, :3, 3] *= scale
    return AchievedCamera(
        rot_err=float(angles.mean()) * count,
        trans_err=float(np.linalg.norm(difference[:, :, 3], axis=1).mean()) * count,
        cam_mc=float(np.linalg.norm(difference, axis=(1, 2)).mean()) * count,
        scale=scale,
        moves=recovered.moves,
        c2w=requested.c2w[recovered.first] @ poses,
        rotation=rotation,
        position=position,
    )
