"""A cluster whose two sides identify themselves, as docs/fleet.md says, audits homes that are elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from t3lens.errors import InputError
from t3lens.fleet.cluster import connected
from tests.cli.conftest import Run
from tests.cli.conftest import run as run
from tests.cluster import Cluster
from tests.elsewhere.conftest import put_samples

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("healthy", "orphaned-by-restart", "v2-interrupt-held")


def _certificates(folder: Path) -> None:
    """An authority of one's own, and what it says of a host."""
    now = datetime.now(UTC)
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("ca", "host")}
    names = {name: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in keys}
    for name, key in keys.items():
        made = (
            x509.CertificateBuilder()
            .subject_name(names[name])
            .issuer_name(names["ca"])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=name == "ca", path_length=None), critical=True)
            .sign(keys["ca"], hashes.SHA256())
        )
        (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}-key.pem").write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )


@pytest.fixture
def configured(tmp_path: Path) -> dict[str, str]:
    """An environment in which dask takes certificates, as the document says."""
    folder = tmp_path / "config"
    folder.mkdir()
    _certificates(folder)
    quiet, secure = re.findall(r"```yaml\n(.+?)```", (ROOT / "docs/fleet.md").read_text("utf-8"), re.S)
    (folder / "1.yaml").write_text(quiet)
    (folder / "2.yaml").write_text(secure.replace("/etc/t3lens/", f"{folder}/"))
    return {"DASK_CONFIG": str(folder), "T3LENS_CONFIG": ""}


def test_homes_elsewhere_by_a_cluster_that_speaks_tls(s3: Any, configured: dict[str, str], run: Run, tmp_path: Path) -> None:
    put_samples(s3, "homes/team", *NAMES)
    asked = ("s3://homes/team/*", "--server", "dead", "--format", "json", "--fail-on", "never")
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Cluster(folder, "tls", configured)
    try:
        cluster.worker()
        with pytest.raises(InputError, match="TLS"), connected(cluster.address):
            pass

        def by_one() -> str:
            return run("audit", *asked).out

        def by_cluster() -> str:
            how = ("--scheduler", cluster.address, "--results", "s3://homes/night")
            ran = subprocess.run(
                [sys.executable, "-m", "t3lens", "audit", *asked, *how],
                env=os.environ | configured,
                capture_output=True,
                text=True,
            )
            assert ran.returncode == 0, ran.stderr
            return ran.stdout

        assert by_cluster() == by_one()
        healthy, other = (f"homes/team/{name}/userdata/state.sqlite" for name in NAMES[:2])
        s3.pipe_file(healthy, s3.cat_file(other))
        assert by_cluster() == by_one()
    finally:
        cluster.close()
    assert len(s3.ls("homes/night/homes")) == 2
    assert s3.find("homes/night/at-work") == []
