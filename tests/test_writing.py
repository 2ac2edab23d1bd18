"""Files are replaced whole or not at all, for whom they are meant, and what a killed process left goes at the next start."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from t3lens import scratch
from t3lens.errors import InputError
from t3lens.writing import is_full, new_beside, replace_file, writing_file


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _dead() -> int:
    """The id of a process that ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_an_error_leaves_the_old_file_whole_and_nothing_beside(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")
    with pytest.raises(InputError, match=r"no space left for .*report\.html"), writing_file(target) as stream:
        stream.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    target, folder = tmp_path / "report.html", tmp_path / "archive"
    left = tmp_path / f".report.html.t3lens-new-{_dead()}-x"
    others = tmp_path / f".report.html.t3lens-new-{os.getppid()}-x"
    left_folder = tmp_path / f".archive.t3lens-new-{_dead()}-x"
    for path in (left, others):
        path.write_text("half")
    left_folder.mkdir()
    replace_file(target, "new")
    with new_beside(folder) as making:
        (making / "one").write_text("1")
    assert target.read_text() == "new"
    assert sorted(tmp_path.iterdir()) == sorted([target, others, folder])


def test_a_file_keeps_its_mode_and_a_private_one_is_for_this_user_alone(tmp_path: Path) -> None:
    shared, private = tmp_path / "shared", tmp_path / "private"
    shared.write_text("old")
    shared.chmod(0o640)
    replace_file(shared, "new")
    replace_file(private, "new", private=True)
    assert (_mode(shared), _mode(private)) == (0o640, 0o600)


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "x"), True),
        (OSError(errno.EDQUOT, "x"), True),
        (RuntimeError("IO Error: Could not write file: No space left on device"), True),
        (RuntimeError("database or disk is full"), True),
        (OSError(errno.EACCES, "x"), False),
        (RuntimeError("something else"), False),
    ],
)
def test_a_full_disk_is_known_by_number_and_by_words(error: Exception, full: bool) -> None:
    outer = InputError("outside")
    outer.__cause__ = error
    assert (is_full(error), is_full(outer)) == (full, full)


def test_the_temporary_folder_of_a_killed_process_is_gone_at_the_next_start(tmp_path: Path) -> None:
    program = (
        "from t3lens.scratch import new_folder\n"
        "folder = new_folder(); (folder / 'said').write_text('x'); print(folder.parent, flush=True)\n"
        "import sys; sys.stdin.read()"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}

    def start() -> tuple[subprocess.Popen[str], Path]:
        begun = subprocess.Popen(
            [sys.executable, "-c", program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert begun.stdout is not None
        return begun, Path(begun.stdout.readline().strip())

    first, folder = start()
    assert _mode(folder) == 0o700
    assert _mode(folder.parent) == 0o700
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert folder.exists()
    second, other = start()
    assert not folder.exists()
    assert other.exists()
    second.communicate("")
    assert not other.exists()
    assert scratch.process_folder().exists()
