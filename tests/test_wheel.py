"""An installed t3lens is complete: the command works, and everything it reads was packed."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from this folder without the network, with the build tools of this environment."""
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
            "--disable-pip-version-check", "--wheel-dir", str(out), str(ROOT),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return next(out.glob("t3lens-*.whl"))


def test_the_wheel_has_every_file_of_the_package_and_the_notebooks(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "t3lens"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    missing = [name for name in tracked if name not in names]
    assert missing == []
    for name in ("01_investigate", "02_postmortem", "03_batch_audit"):
        assert f"t3lens/notebooks/{name}.ipynb" in names


def test_an_installation_gives_a_command_that_works(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    site = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    # the dependencies are those of this environment; t3lens itself is the installed one
    install = [
        sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index",
        "--disable-pip-version-check", str(wheel),
    ]  # fmt: skip
    subprocess.run(install, check=True)
    here = [path for path in sys.path if path.endswith("site-packages")]
    (Path(site) / "dependencies.pth").write_text("\n".join(here))
    command = tmp_path / "venv" / "bin" / "t3lens"
    version = subprocess.run([str(command), "--version"], capture_output=True, text=True, check=True)
    assert "t3lens, version" in version.stdout
    home = tmp_path / "home"
    made = [str(command), "sim", "home", str(home), "--scenario", "orphaned-turn"]
    subprocess.run(made, check=True, capture_output=True, cwd=tmp_path)
    audit = subprocess.run(
        [str(command), "audit", str(home), "--server", "dead"], capture_output=True, text=True, check=False, cwd=tmp_path
    )  # fmt: skip
    assert audit.returncode == 1, audit.stderr
    assert "orphaned-turn" in audit.stdout
    where = subprocess.run(
        [str(python), "-c", "import t3lens; print(t3lens.__file__)"], capture_output=True, text=True, check=True,
        cwd=tmp_path,
    )  # fmt: skip
    assert where.stdout.startswith(str(tmp_path))
