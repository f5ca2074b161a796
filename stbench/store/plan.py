"""What a store that grows is to become: with anything else it is not continued."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stbench.contract.datasets import canonical_json
from stbench.documents import Unreadable, converted, parse_json, read_bytes
from stbench.errors import StbenchError
from stbench.files import write_bytes
from stbench.raw.content import Seen, difference, other_size

FILE = "plan.json"
LARGEST = 1 << 28
"""Bytes: a line for every raw file."""


@dataclass(frozen=True)
class Plan:
    identity: Mapping[str, Any]
    layout: Mapping[str, Any]
    """`Layout.describe()`."""
    arrays: Mapping[str, str]
    """Sharded variable -> SHA-256 of its array's metadata without attributes: shards are read by them."""
    raw: Mapping[str, Seen] = field(default_factory=dict)
    """Raw file -> its content when the store was begun (`stbench.raw.content`), and when the oldest shard was."""
    split: str = ""
    """Digest of the split, by which shards take their statistics; empty in a plan of before there was one."""

    def write(self, path: Path) -> None:
        """As one line of JSON, after a line with its SHA-256."""
        content = canonical_json(asdict(self)).encode()
        write_bytes(path, hashlib.sha256(content).hexdigest().encode() + b"\n" + content)

    @classmethod
    def read(cls, path: Path) -> Plan:
        """What `write` wrote. `Unreadable` where a byte of it has changed, and OSError."""
        checksum, _, content = read_bytes(path, LARGEST).partition(b"\n")
        if hashlib.sha256(content).hexdigest().encode() != checksum:
            raise Unreadable("its bytes have changed")
        return converted(parse_json(content), cls)

    def check_same_identity(self, now: Plan, raw: Sequence[Path], path: Path, part: Path) -> None:
        """`StbenchError` where the store of `path`, begun with this plan in `part`, is now asked for with other
        parameters or another split; `raw` are the raw files there are now."""
        if canonical_json(self.identity) != canonical_json(now.identity):
            told = describe_difference(self.identity, now.identity)
            if file := other_size(self.raw, raw):
                told = f"{told}; of the raw files {file}"
            raise StbenchError(f"{path} was begun with other parameters ({told}): {_remedy(part)}")
        if self.split and self.split != now.split:
            told = f"digest {self.split[:12]} there, {now.split[:12]} here"
            raise StbenchError(f"{path} was begun with another split ({told}): {_remedy(part)}")

    def check_same_layout(self, now: Plan, path: Path, part: Path) -> None:
        """`StbenchError` where shards would now be written otherwise."""
        if canonical_json([self.layout, self.arrays]) != canonical_json([now.layout, now.arrays]):
            raise StbenchError(
                f"{path} was begun by a version of stbench that lays out shards otherwise: {_remedy(part)}"
            )

    def check_same_raw(self, now: Mapping[str, Seen], path: Path, part: Path) -> None:
        """`StbenchError` naming the file where raw files hold something else than when the store was begun."""
        if told := difference(self.raw, now):
            raise StbenchError(
                f"{path} was begun with raw files of another content ({told}): put back what was there, or delete "
                f"{part} and begin again"
            )


def _remedy(part: Path) -> str:
    return f"finish it as it was begun, choose another --out, or delete {part}"


def describe_difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """The entries in which two identities differ: "sequences: 40 there, 300 here; seed: ..."."""
    flat = [{**each, **each["parameters"]} for each in (there, here)]
    keys = sorted((flat[0].keys() | flat[1].keys()) - {"parameters"})
    pairs = [(key, *(json.dumps(each.get(key)) for each in flat)) for key in keys]
    return "; ".join(f"{key}: {old} there, {new} here" for key, old, new in pairs if old != new)
