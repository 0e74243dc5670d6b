"""Tracks as a table and as plots: `python plots.py [VIDEO]` writes tracks.csv, paths.png and crowd.png.

Needs pandas and matplotlib, which come with the install.
"""

import matplotlib
from tracked import tracked

from bytetrack import Trajectories

matplotlib.use("Agg")  # no window; leave it out in a notebook
import matplotlib.pyplot as plt

table = Trajectories.from_frames(frame.tracks for frame in tracked()).to_pandas()
table.to_csv("tracks.csv", index=False)
table["x"], table["y"] = table.left + table.width / 2, table.top + table.height

figure, axes = plt.subplots()
for track_id, path in table.groupby("track_id"):
    axes.plot(path.x, path.y, label=track_id)
axes.invert_yaxis()  # as in the picture: y grows downwards
axes.legend(title="identity")
figure.savefig("paths.png")

figure, axes = plt.subplots()
axes.step(*zip(*table.groupby("frame_id").size().items(), strict=True))
axes.set(xlabel="frame", ylabel="identities", ylim=(0, None))
figure.savefig("crowd.png")

print(table.groupby("track_id").agg(first=("frame_id", "min"), last=("frame_id", "max"), boxes=("frame_id", "size")))
