"""What tells two stores apart whose values are the same: the digest is of frames and factors as they are stored.

Another split of the same sequences, or frames divided by another number, is other data to a model. Both are in the
identity of runs, trainings and judges, and on boards, by what is given here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stbench.store.reader import Store

BYTES = {"kind": "fixed", "mean": 0.0, "std": 255.0}
BEFORE = frozenset(
    {
        "89ae1cd808d247975c16b60f21ec59ac2631704decfa833d2b0038beee7079e0",  # chairs/canonical-1
        "06d4d84c409544a2b8ab18f3c31ac4809134ed16b82351dd8d84d1cdc609239c",  # moving-mnist/canonical-1
        "8dea3b781e6a1760a488a10ac32e982d6d52f1fad2456839306fb815c648bd79",  # mug/by-clip-1
        "245e590fbea4c96eca6f0631536b776266b20b30ba60059d528ccf2726ae69dd",  # sprites/canonical-1
        "10e6f0366d7085da1d26106007418870ba82daa45e2740ed008b4f3ed4a02ae0",  # sst/1
        "ed1cb5e7856fb2cc0ebf94994468f4d967699edba8199ccb188794c50bceac94",  # taxibj/1
        "9a84e45095aa1a34658b2c4f25b866d00d51687afaa1b3271a0b6d026856b56e",  # waveeq/official-1
        "8545f7bc3a8b3932ce237cdff9075c0606af9ad9f49bd3b090a9c2a77e0d6a2f",  # waveeq-100/official-1
        "57992f2567688dddbb0c7da800db285d465659b18b0c9408df91405c78e92012",  # waveeq-rich/1
    }
)
"""Splits of runs that were published before an identity named its split: theirs stays as it was. No two of them are of
one dataset."""


def apart(store: Store) -> dict[str, Any]:
    """{"split_digest": ...} and {"normaliser": ...}, JSON-able, each where a store of the same digest may differ in it
    from what was published before."""
    found: dict[str, Any] = {} if store.split.digest in BEFORE else {"split_digest": store.split.digest}
    normaliser = dict(store.attributes["normaliser"])
    if normaliser["kind"] == "fixed" and normaliser != BYTES:
        found["normaliser"] = normaliser
    return found
