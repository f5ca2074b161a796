"""Downloads are checked, resumed and replaced by another mirror. The mirrors run on this machine."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from stbench import registry
from stbench.cli.main import cli
from stbench.errors import StbenchError
from stbench.raw import fetch as fetching
from stbench.raw.fetch import fetch
from stbench.raw.files import RawFile

CONTENT = hashlib.sha256(b"seed").digest() * 20_000
PACKED = gzip.compress(CONTENT, mtime=0)
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"


@dataclass
class Mirror:
    """Serves files by name, with `ranges` or without; `breaks` ends a transfer after so many bytes; counts requests."""

    files: dict[str, bytes]
    breaks: int | None = None
    ranges: bool = True
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


Serve = Callable[[Mirror], Mirror]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[ThreadingHTTPServer] = []

    def start(mirror: Mirror) -> Mirror:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name, wanted = self.path.lstrip("/"), self.headers.get("Range") if mirror.ranges else None
                mirror.requests.append((name, wanted))
                if name not in mirror.files:
                    self.send_error(404)
                    return
                data = mirror.files[name]
                first = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
                if first >= len(data):
                    self.send_error(416)
                    return
                self.send_response(206 if wanted else 200)
                self.send_header("Content-Length", str(len(data) - first))
                self.end_headers()
                self.wfile.write(data[first:][: mirror.breaks])

            def log_message(self, format: str, *args: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        mirror.url = f"http://127.0.0.1:{server.server_address[1]}"
        return mirror

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True)
class Dataset:
    name: str = "sets"
    raw_files: tuple[RawFile, ...] = ()
    raw_aliases: tuple[str, ...] = ()
    instructions: str = ""


def dataset(*mirrors: Mirror, checksum: str = MD5) -> Dataset:
    urls = tuple(f"{mirror.url}/digits.gz" for mirror in mirrors)
    return Dataset(raw_files=(RawFile("digits", len(CONTENT), checksum, "content", urls, "CC BY-SA 3.0"),))


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "stores"))
    monkeypatch.delenv("STBENCH_RAW", raising=False)


def test_a_file_is_fetched_checked_and_found_the_second_time(tmp_path: Path, serve: Serve) -> None:
    mirror = serve(Mirror({"digits.gz": PACKED}))
    steps: list[tuple[int, int]] = []
    paths = fetch(dataset(mirror), tmp_path, lambda spec, url: lambda done, total: steps.append((done, total)))
    assert paths == [tmp_path / "sets" / "digits.gz"]
    assert paths[0].read_bytes() == PACKED
    assert steps[-1] == (len(PACKED), len(PACKED))
    assert fetch(dataset(mirror), tmp_path) == paths
    assert len(mirror.requests) == 1
    assert [path.name for path in (tmp_path / "sets").iterdir()] == ["digits.gz"]


def test_without_a_raw_folder_files_go_to_the_cache(tmp_path: Path, serve: Serve) -> None:
    paths = fetch(dataset(serve(Mirror({"digits.gz": PACKED}))))
    assert paths == [tmp_path / "stores" / "raw" / "sets" / "digits.gz"]


def test_a_broken_download_goes_on_where_it_stopped(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "BLOCK", 128)
    mirror = serve(Mirror({"digits.gz": PACKED}, breaks=1_000))
    with pytest.raises(StbenchError, match=r"no mirror gave digits.*digits\.gz"):
        fetch(dataset(mirror), tmp_path)
    assert not (tmp_path / "sets" / "digits.gz").exists()
    mirror.breaks = None
    assert fetch(dataset(mirror), tmp_path)[0].read_bytes() == PACKED
    wanted = mirror.requests[-1][1]
    assert wanted is not None
    assert 0 < int(wanted[6:-1]) <= 1_000


def test_a_server_without_ranges_starts_the_file_again(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "BLOCK", 128)
    mirror = serve(Mirror({"digits.gz": PACKED}, breaks=1_000, ranges=False))
    with pytest.raises(StbenchError, match=r"no mirror gave digits.*digits\.gz"):
        fetch(dataset(mirror), tmp_path)
    mirror.breaks = None
    assert fetch(dataset(mirror), tmp_path)[0].read_bytes() == PACKED


def test_a_part_that_is_longer_than_its_file_is_deleted(tmp_path: Path, serve: Serve) -> None:
    staging = tmp_path / "sets" / fetching.STAGING
    mirror = serve(Mirror({"digits.gz": PACKED}))
    part = staging / hashlib.sha256(f"{mirror.url}/digits.gz".encode()).hexdigest()[:8] / "digits.gz.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(PACKED + b"more than there is")  # the server answers 416: the part is no part of its file
    with pytest.raises(StbenchError, match="it was deleted, try again"):
        fetch(dataset(mirror), tmp_path)
    assert fetch(dataset(mirror), tmp_path)[0].read_bytes() == PACKED


def test_a_dead_and_a_wrong_mirror_are_passed_over(tmp_path: Path, serve: Serve) -> None:
    dead, wrong, right = (
        serve(Mirror({})),
        serve(Mirror({"digits.gz": PACKED[:-1]})),
        serve(Mirror({"digits.gz": PACKED})),
    )
    assert fetch(dataset(dead, wrong, right), tmp_path)[0].read_bytes() == PACKED


def test_the_error_names_every_mirror_and_leaves_nothing_under_the_final_name(tmp_path: Path, serve: Serve) -> None:
    dead, wrong = serve(Mirror({})), serve(Mirror({"digits.gz": gzip.compress(CONTENT[::-1])}))
    with pytest.raises(StbenchError) as error:
        fetch(dataset(dead, wrong), tmp_path)
    for word in (dead.url, "404", wrong.url, "md5", str(tmp_path / "sets")):
        assert word in str(error.value)
    assert not (tmp_path / "sets" / "digits.gz").exists()


def test_files_in_folders_are_fetched_and_compared_by_their_own_checksums(tmp_path: Path, serve: Serve) -> None:
    files = {name: CONTENT + name.encode() for name in ("body/0.png", "hair/0.png")}
    mirror = serve(Mirror(files))
    specs = tuple(
        RawFile(name, len(data), f"sha256:{hashlib.sha256(data).hexdigest()}", "file", (f"{mirror.url}/{name}",))
        for name, data in files.items()
    )
    assert fetch(Dataset(raw_files=specs), tmp_path) == [tmp_path / "sets" / name for name in files]
    assert {name: (tmp_path / "sets" / name).read_bytes() for name in files} == files


def test_the_checksum_of_a_file_is_compared_too(tmp_path: Path, serve: Serve) -> None:
    mirror = serve(Mirror({"x.bin": CONTENT}))
    spec = RawFile("x.bin", None, f"sha256:{hashlib.sha256(b'other').hexdigest()}", "file", (f"{mirror.url}/x.bin",))
    with pytest.raises(StbenchError, match=r"no mirror gave x\.bin.*SHA256 hash"):
        fetch(Dataset(raw_files=(spec,)), tmp_path)
    assert not (tmp_path / "sets" / "x.bin").exists()


def test_a_server_that_sends_too_much_is_stopped(tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "BLOCK", 1_000)
    mirror = serve(Mirror({"digits.gz": bytes(10 * len(CONTENT))}))
    with pytest.raises(StbenchError, match="sends more than"):
        fetch(dataset(mirror), tmp_path)
    assert not list(tmp_path.rglob("*.gz*"))


def test_a_wrong_file_that_is_there_is_reported_and_not_replaced(tmp_path: Path, serve: Serve) -> None:
    there = tmp_path / "sets" / "digits"
    there.parent.mkdir()
    there.write_bytes(b"mine")
    with pytest.raises(StbenchError, match="holds 4 bytes"):
        fetch(dataset(serve(Mirror({"digits.gz": PACKED}))), tmp_path)
    assert there.read_bytes() == b"mine"


def run(monkeypatch: pytest.MonkeyPatch, generator: object, *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr(registry, "dataset", lambda name: generator)
    result = CliRunner().invoke(cli, ["fetch", "sets", *arguments])
    return result.exit_code, result.output


def test_the_command_lists_what_it_fetched(tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = run(monkeypatch, dataset(serve(Mirror({"digits.gz": PACKED}))), "--raw", str(tmp_path))
    assert code == 0
    assert "digits.gz" in output
    assert "CC BY-SA 3.0" in output


def test_the_command_explains_what_no_program_may_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form = Dataset(raw_files=(RawFile("faces.zip"),), instructions="Sign the form of the university.")
    code, output = run(monkeypatch, form, "--raw", str(tmp_path))
    assert code == 2
    assert "Sign the form of the university." in output
    assert str(tmp_path / "sets") in output.replace("\n", "")


def test_the_command_says_when_there_is_nothing_to_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = run(monkeypatch, object())
    assert code == 2
    assert "stbench generate sets" in output
