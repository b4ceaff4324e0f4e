"""Where a recording is, and that nothing else is ever given out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.telephony.recordings import LONGEST, RecordingMissing, find_file, url_for
from gateway.telephony.settings import PbxSettings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of recordings with one in it, and a secret beside it."""
    folder = tmp_path / "monitor"
    (folder / "2026/11/22").mkdir(parents=True)
    (folder / "2026/11/22/in-101.wav").write_bytes(b"RIFF")
    (folder / "plain.WAV").write_bytes(b"RIFF")
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    return folder


FOUND = [
    ("2026/11/22/in-101.wav", "2026/11/22/in-101.wav"),
    ("{root}/2026/11/22/in-101.wav", "2026/11/22/in-101.wav"),
    ("/var/spool/asterisk/monitor/2026/11/22/in-101.wav", "2026/11/22/in-101.wav"),
    ("/var/spool/asterisk/monitor/plain.WAV", "plain.WAV"),
    ("/mnt/elsewhere/plain.WAV", "plain.WAV"),
    ("2026/../plain.WAV", "plain.WAV"),
    (" plain.WAV ", "plain.WAV"),
]


@pytest.mark.parametrize(("name", "file"), FOUND)
def test_a_recording_is_found_whichever_way_the_pbx_names_it(root: Path, name: str, file: str) -> None:
    found, content_type = find_file(name.format(root=root), root)
    assert found == (root / file).resolve()
    assert content_type == "audio/wav"


REFUSED = [
    "../secret.wav",
    "2026/../../secret.wav",
    "{root}/../secret.wav",
    "/etc/passwd",
    "../secret.txt",
    "2026",
    "2026/11/22",
    "gone.wav",
    "folder.wav",
    "plain.WAV\0.wav",
    "a\nb.wav",
    "",
    "x" * LONGEST + ".wav",
    "no-ending",
    "script.sh",
    ".wav",
]


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_else_is_given_out(root: Path, name: str) -> None:
    (root / "folder.wav").mkdir()
    (root / "script.sh").write_bytes(b"#!")
    with pytest.raises(RecordingMissing):
        find_file(name.format(root=root), root)


@pytest.mark.parametrize("target", ["../secret.wav", "/etc/passwd", "loop.wav"])
def test_links_that_lead_out_or_nowhere_are_not_followed(root: Path, target: str) -> None:
    (root / "loop.wav").symlink_to(target)
    with pytest.raises(RecordingMissing):
        find_file("loop.wav", root)


def test_a_folder_that_is_a_link_out_of_the_root_is_not_followed(root: Path) -> None:
    (root / "away").symlink_to(root.parent)
    with pytest.raises(RecordingMissing):
        find_file("away/secret.wav", root)


def test_a_link_within_the_root_and_a_root_that_is_a_link_are_followed(root: Path, tmp_path: Path) -> None:
    (root / "again.wav").symlink_to("plain.WAV")
    (tmp_path / "mounted").symlink_to(root)
    assert find_file("again.wav", tmp_path / "mounted")[0] == (root / "plain.WAV").resolve()


def test_a_pipe_that_would_block_for_ever_is_no_recording(root: Path) -> None:
    os.mkfifo(root / "pipe.wav")
    with pytest.raises(RecordingMissing):
        find_file("pipe.wav", root)


def test_a_root_that_is_not_there_is_told_with_the_key(tmp_path: Path) -> None:
    with pytest.raises(RecordingMissing, match=r"\[\[pbx\]\] recordings"):
        find_file("x.wav", tmp_path / "nowhere")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.lists(st.sampled_from(["..", ".", "/", "monitor", "2026", "secret", ".wav", "plain.WAV", "\0", "é"])))
def test_whatever_the_name_the_file_is_under_the_root(root: Path, name: list[str]) -> None:
    for text in ("/".join(name), "".join(name)):
        try:
            found, _ = find_file(text, root)
        except RecordingMissing:
            continue
        assert found.is_relative_to(root.resolve())


TEMPLATE = "https://pbx.example.com/rec/{file}?dl=1"


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("2026/11/22/in-101.wav", "https://pbx.example.com/rec/2026/11/22/in-101.wav?dl=1"),
        ("/var/spool/asterisk/monitor/a b?.wav", "https://pbx.example.com/rec/a%20b%3F.wav?dl=1"),
    ],
)
def test_a_template_gives_an_address(name: str, address: str) -> None:
    assert url_for(name, TEMPLATE) == address


@pytest.mark.parametrize("name", ["../x.wav", "a\r\nLocation: evil", "", "/var/spool/asterisk/monitor/../../x.wav"])
def test_a_template_takes_no_name_that_leads_elsewhere(name: str) -> None:
    with pytest.raises(RecordingMissing):
        url_for(name, TEMPLATE)


@pytest.mark.parametrize(
    ("recordings", "good"),
    [
        ("/var/spool/asterisk/monitor", True),
        (TEMPLATE, True),
        ("recordings", False),
        ("/", False),
        ("https://pbx.example.com/rec/", False),
        ("https://pbx.example.com/ {file}", False),
    ],
)
def test_the_setting_is_a_folder_or_a_template(recordings: str, good: bool) -> None:
    table = {"name": "office", "host": "pbx", "username": "leadgate", "secret": "x"}
    if good:
        assert PbxSettings(**table, recordings=recordings).recordings == recordings  # type: ignore[arg-type]
    else:
        with pytest.raises(ValueError, match=r"^recordings: "):
            PbxSettings(**table, recordings=recordings)  # type: ignore[arg-type]
