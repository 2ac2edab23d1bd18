"""Results of workers stand on a place elsewhere, on real servers: what a worker writes there another process reads back."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from t3lens.diagnose import Options, ServerSetting
from t3lens.errors import InputError
from t3lens.file_place import FilePlace
from t3lens.fleet.one_home import AuditRequest
from t3lens.fleet.results import read_index, read_results, remove_older
from t3lens.fleet.task import Job, Run, carry_out
from t3lens.ingest import discover
from t3lens.version import __version__
from tests.elsewhere.conftest import copy_samples
from tests.elsewhere.sftp_server import PASSWORD, SFTP

NAMES = ("aborted-but-running", "healthy")


def _stands_there(address: str, archive: Path) -> None:
    copy_samples(archive, *NAMES)
    homes = tuple(discover([archive]))
    place = FilePlace(address)
    place.make()
    run = Run(
        "night",
        address,
        AuditRequest(Options(server=ServerSetting.DEAD), None, None),
        60.0,
        __version__,
        socket.gethostname(),
        os.getpid(),
    )
    said = carry_out(Job("night-0", run, homes, ({}, {})))
    assert [one.why for one in said] == ["", ""]
    index = read_index(FilePlace(address))
    assert sorted(index) == sorted(home.shown for home in homes)
    for home, one in zip(homes, said, strict=True):
        assert one.written is not None
        audited = read_results(place, one.written.file)[one.written.row]
        assert [entry.path for entry in audited.document.homes] == [home.shown]
    assert place.names("at-work") == []
    place.write(old := f"homes/20200101-000000-abcdef-000000-{'0' * 8}.parquet", b"")
    assert remove_older(place, datetime(2020, 1, 2, tzinfo=UTC), {old}) == 0
    assert remove_older(place, datetime(2020, 1, 2, tzinfo=UTC), ()) == 1
    assert old not in place.names("homes") and len(place.names("homes")) == 1
    assert place.read("nothing") is None


def test_on_a_real_s3_server(s3: Any, tmp_path: Path) -> None:
    _stands_there("s3://homes/night", tmp_path / "team")


def test_on_a_real_sftp_server(sftp: SFTP, tmp_path: Path) -> None:
    _stands_there(f"{sftp.url}/night", tmp_path / "team")
    assert PASSWORD not in repr(FilePlace(f"{sftp.url}/night"))


def test_a_place_that_cannot_be_reached_is_named_without_its_password(sftp: SFTP) -> None:
    (sftp.root / "night").write_bytes(b"a file where a folder should be")
    with pytest.raises(InputError) as said:
        FilePlace(f"{sftp.url}/night").write("results/one", b"")
    assert PASSWORD not in str(said.value)
    assert f"{sftp.shown}/night" in str(said.value)
