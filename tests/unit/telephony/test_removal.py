"""A recording goes when it is to be removed, and nothing else ever does."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.telephony.removal import RecordingKept, remove_recording

NOBODY = 65534


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of recordings with two in it, and a secret beside it."""
    folder = tmp_path / "monitor"
    (folder / "2026/11/22").mkdir(parents=True)
    (folder / "2026/11/22/in-101.wav").write_bytes(b"RIFF")
    (folder / "plain.WAV").write_bytes(b"RIFF")
    (tmp_path / "secret.wav").write_bytes(b"secret")
    return folder


def files(folder: Path) -> set[str]:
    """All that lies below."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Root may write everywhere; nobody may not."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(mine)


@pytest.mark.parametrize(
    "name",
    [
        "2026/11/22/in-101.wav",
        "{root}/2026/11/22/in-101.wav",
        "/var/spool/asterisk/monitor/2026/11/22/in-101.wav",
        "2026/../2026/11/22/in-101.wav",
    ],
)
def test_the_file_goes_whichever_way_the_pbx_names_it_and_no_other(root: Path, name: str) -> None:
    assert remove_recording(name.format(root=root), root) == (root / "2026/11/22/in-101.wav").resolve()
    assert files(root.parent) == {"monitor/plain.WAV", "secret.wav"}
    assert remove_recording(name.format(root=root), root) is None, "it is not there any more"


@pytest.mark.parametrize("target", ["../secret.wav", "{root}/../secret.wav"])
def test_a_link_that_leads_out_is_told_and_nothing_is_touched(root: Path, target: str) -> None:
    (root / "out.wav").symlink_to(target.format(root=root))
    before = files(root.parent)
    with pytest.raises(RecordingKept, match="leads out of the folder"):
        remove_recording("out.wav", root)
    assert files(root.parent) == before


def test_a_folder_that_is_a_link_out_is_not_followed(root: Path) -> None:
    (root / "away").symlink_to(root.parent)
    with pytest.raises(RecordingKept, match="leads out of the folder"):
        remove_recording("away/secret.wav", root)
    assert (root.parent / "secret.wav").exists()


def test_a_link_out_and_back_in_is_not_followed_either(root: Path, tmp_path: Path) -> None:
    (root / "away").symlink_to(tmp_path)
    (tmp_path / "back.wav").symlink_to(root / "plain.WAV")
    with pytest.raises(RecordingKept, match="leads out of the folder"):
        remove_recording("away/back.wav", root)
    assert (root / "plain.WAV").exists()


def test_a_link_within_the_folder_goes_with_its_file(root: Path) -> None:
    (root / "again.wav").symlink_to("plain.WAV")
    remove_recording("again.wav", root)
    assert files(root) == {"2026/11/22/in-101.wav"}


@pytest.mark.parametrize("name", ["../secret.wav", "2026/../../secret.wav", "{root}/../secret.wav"])
def test_a_name_that_leads_out_is_told(root: Path, name: str) -> None:
    with pytest.raises(RecordingKept, match=r"leads out|has its name|is not there"):
        remove_recording(name.format(root=root), root)
    assert (root.parent / "secret.wav").exists()


def test_a_file_of_the_same_name_elsewhere_is_for_a_person_to_judge(root: Path) -> None:
    """The player would play it. To remove what was another call's is worse than to ask."""
    with pytest.raises(RecordingKept, match=r"plain\.WAV has its name"):
        remove_recording("/var/spool/asterisk/monitor/2025/plain.WAV", root)
    assert (root / "plain.WAV").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [("notes.txt", "sound file"), ("a\nb.wav", "none that a file can have"), ("folder.wav", "is no file"),
     ("loop.wav", "can't be removed")],
)  # fmt: skip
def test_what_is_no_recording_is_told(root: Path, name: str, words: str) -> None:
    (root / "notes.txt").write_bytes(b"x")
    (root / "folder.wav").mkdir()
    (root / "loop.wav").symlink_to("loop.wav")
    before = files(root.parent)
    with pytest.raises(RecordingKept, match=words):
        remove_recording(name, root)
    assert files(root.parent) == before


def test_a_folder_where_nothing_is_mounted_is_no_proof(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordingKept, match="is empty: mount"):
        remove_recording("2026/x.wav", tmp_path / "empty")
    with pytest.raises(RecordingKept, match=r"can't be read .* \[\[pbx\]\] recordings"):
        remove_recording("2026/x.wav", tmp_path / "nowhere")


def test_a_folder_that_we_may_not_write_to_is_told_with_path_and_reason() -> None:
    with tempfile.TemporaryDirectory() as place:  # not pytest's own, which only its user may enter
        Path(place).chmod(0o755)
        folder = Path(place) / "monitor"
        folder.mkdir()
        (folder / "x.wav").write_bytes(b"RIFF")
        folder.chmod(0o555)
        with as_nobody(), pytest.raises(RecordingKept, match=r"monitor/x\.wav can't be removed \(Permission denied\)"):
            remove_recording("x.wav", folder)
        folder.chmod(0o755)
        assert remove_recording("x.wav", folder)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.lists(st.sampled_from(["..", ".", "/", "monitor", "2026", "secret", ".wav", "plain.WAV", "\0", "é"])))
def test_whatever_the_name_nothing_outside_is_touched(root: Path, name: list[str]) -> None:
    for text in ("/".join(name), "".join(name)):
        with contextlib.suppress(RecordingKept):
            remove_recording(text, root)
        assert (root.parent / "secret.wav").exists()
        (root / "plain.WAV").write_bytes(b"RIFF")
