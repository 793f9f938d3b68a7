"""``check-manifest`` from outside."""

import numpy as np
from PIL import Image

from BreastMassXAILib.commands.command_line import main


def test_faults_are_listed_and_counted(tmp_path, capsys):
    for name in "ab":
        pixels = np.random.default_rng(ord(name)).integers(0, 255, (40, 50)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        mask = np.zeros((40, 50), np.uint8)
        mask[10:20, 10:20] = 255
        Image.fromarray(mask).save(tmp_path / f"{name}_m.png")
    path = tmp_path / "m.csv"
    path.write_text("image,mask,label\na.png,a_m.png,1\nb.png,b_m.png,0\n")
    assert main(["check-manifest", str(path)]) == 0
    assert capsys.readouterr().out == "2 rows: 2 good, 0 with faults.\n"
    path.write_text("image,mask,label\na.png,a_m.png,1\nb.png,b_m.png,0\nb.png,none.png,what\n")
    assert main(["check-manifest", str(path)]) == 2
    streams = capsys.readouterr()
    lines = streams.out.splitlines()
    assert lines[0] == "m.csv, line 4: There is no file none.png." and "'what' is unknown" in lines[1]
    assert lines[-1] == "3 rows: 2 good, 1 with faults." or "identifier" in lines[2]
    assert streams.err == f"breast-mass-xai: m.csv has {len(lines) - 1} faults, see above.\n"
