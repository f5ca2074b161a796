"""Seeded mutations of checkpoints and run records, and how stbench ends with each of them.

A mutation changes one file of a copy of a good folder: bits flipped, the file cut, emptied, grown or made a pipe, a
value of its JSON replaced by another type or number, nested, taken out or renamed. Then the folder is used as a user
uses it. An outcome is one of

    same      it was used, and weights or tables equal those of the good folder bit for bit
    other     it was used and gave something else: a change nobody noticed, or one that is a good record of other values
    refused   one sentence that names the file or folder (`StbenchError`)
    vague     one sentence that names neither
    traceback any other exception
    hang      longer than `SECONDS`

Nothing may end as vague, traceback or hang; of checkpoints, whose files are checked by digest, nothing as other.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from watch import TooLong, at_most

from stbench.errors import StbenchError

SECONDS = 20
GOOD, BAD = ("same", "other", "refused"), ("vague", "traceback", "hang")
HUGE = (10**11, -1, 2**63, 2**70, 1.7e308, 1e-320, 0, "", "=1+1", "\x00", "../..", "9" * 5000, None, True, [], {}, "²")


@dataclass(frozen=True)
class Outcome:
    kind: str
    subject: str
    mutation: str
    said: str = ""


@dataclass(frozen=True)
class Subject:
    """A good folder, the files of it that are mutated, and what a user does with it."""

    name: str
    folder: Path
    files: tuple[str, ...]
    use: Callable[[Path], Any]
    """Gives what has to be equal."""
    reads: tuple[str, ...] = ()
    """Files whose JSON is mutated value by value, too."""


def flipped(content: bytes, draw: random.Random) -> bytes:
    found = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 8))):
        found[draw.randrange(len(found))] ^= 1 << draw.randrange(8)
    return bytes(found)


def cut(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content))]


def grown(content: bytes, draw: random.Random) -> bytes:
    where = draw.randrange(len(content) + 1)
    return content[:where] + draw.randbytes(draw.choice((1, 7, 1000))) + content[where:]


def nested(content: bytes, draw: random.Random) -> bytes:
    """The document 50,000 levels deep, or a value of it."""
    deep = b"[" * 50_000 + b"]" * 50_000
    where = content.find(b":", draw.randrange(len(content)))
    return deep if where < 0 or draw.random() < 0.5 else content[: where + 1] + deep + content[where + 1 :]


def retyped(content: bytes, draw: random.Random) -> bytes:
    """One value of a JSON document, at any depth, is another, is left out or stands under another name."""
    document = json.loads(content)
    places = [*_places(document)]
    holder, key = draw.choice(places)
    match draw.choice(("other", "other", "other", "gone", "renamed", "level")):
        case "other":
            holder[key] = draw.choice(HUGE)
        case "gone":
            del holder[key]
        case "renamed" if isinstance(holder, dict):
            holder[f"{key}x"] = holder.pop(key)
        case _:
            holder[key] = [holder[key]]
    return json.dumps(document).encode()


def swapped_cell(content: bytes, draw: random.Random) -> bytes:
    """One cell of a CSV is something else."""
    lines = content.decode().split("\n")
    row = draw.randrange(len(lines) - 1)
    cells = lines[row].split(",")
    cells[draw.randrange(len(cells))] = str(draw.choice((*HUGE, "nan", "-inf", "inf", "1..99999999999", '"')))
    lines[row] = ",".join(cells)
    return "\n".join(lines).encode()


ANY: tuple[Callable[[bytes, random.Random], bytes], ...] = (flipped, flipped, cut, grown)
SPECIAL = ("fifo", "endless", "folder", "missing", "empty")


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in [*items]:
        yield value, key
        yield from _places(inner)


def mutate(subject: Subject, folder: Path, draw: random.Random) -> str:
    """Change one file of `folder`, a copy of the subject's; says what was done."""
    name = draw.choice(subject.files)
    path = folder / name
    if draw.random() < 0.08:
        kind = draw.choice(SPECIAL)
        path.unlink()
        match kind:
            case "fifo":
                os.mkfifo(path)
            case "endless":
                path.symlink_to("/dev/zero")
            case "folder":
                path.mkdir()
            case "empty":
                path.touch()
        return f"{kind} {name}"
    kinds = [*ANY]
    kinds += [retyped, retyped, retyped, nested] if name in subject.reads else []
    kinds += [swapped_cell] * 3 if name.endswith(".csv") else []
    kind = draw.choice(kinds)
    path.write_bytes(kind(path.read_bytes(), draw))
    return f"{kind.__name__} {name}"


def outcome(subject: Subject, expected: Any, folder: Path, mutation: str) -> Outcome:
    """How stbench ends with a mutated folder."""
    make = partial(Outcome, subject=subject.name, mutation=mutation)
    try:
        with at_most(SECONDS):
            found = subject.use(folder)
    except StbenchError as error:
        said = str(error)
        named = str(folder) in said and "\n" not in said
        return make("refused" if named else "vague", said=said)
    except TooLong:
        return make("hang")
    except Exception:
        return make("traceback", said=traceback.format_exc())
    return make("same" if found == expected else "other")


def campaign(subjects: list[Subject], mutations: Iterable[int], seed: int, scratch: Path) -> list[Outcome]:
    """Outcomes of mutations by their numbers, the subjects in turn; seed and number say what each is."""
    found = []
    expected = {subject.name: subject.use(_copy(subject, scratch / f"good-{subject.name}")) for subject in subjects}
    for k in mutations:
        subject = subjects[k % len(subjects)]
        folder = _copy(subject, scratch / f"mutation-{k}")
        mutation = mutate(subject, folder, random.Random(f"{seed} {k}"))
        found.append(outcome(subject, expected[subject.name], folder, f"{k}: {mutation}"))
        shutil.rmtree(folder)
    return found


def _copy(subject: Subject, folder: Path) -> Path:
    shutil.copytree(subject.folder, folder)
    return folder


def checkpoint_subject(scratch: Path) -> Subject:
    """A training that was stopped half way; used by continuing it."""
    import numpy as np
    import torch

    from stbench.running.weights import code_of_weights
    from stbench.training.loop import train

    class Windows:
        """What the loop asks of training windows."""

        conditioning, horizon = 2, 2
        stored = (np.random.default_rng(5).random((3, 8, 4), dtype=np.float32), 0.0, 1.0)

        def rows(self) -> Any:
            row, start = np.meshgrid(np.arange(3), np.arange(5), indexing="ij")
            return row.ravel(), start.ravel()

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 4)

        def loss(self, batch: Mapping[str, torch.Tensor], generator: torch.Generator) -> dict[str, torch.Tensor]:
            error = self.layer(batch["conditioning"].mean(1)) - batch["target"].mean(1)
            return {"total": error.square().mean()}

    settings = {"split": "train", "steps": 6, "batch_size": 2, "learning_rate": 1e-2}
    settings |= {"betas": [0.9, 0.99], "schedule": "constant", "precision": "float32", "log_every": 2}
    windows: Any = Windows()

    def use(folder: Path, stop: Callable[[], bool] | None = None) -> Any:
        code = code_of_weights(folder, "today", reuse=False, force=False, note=lambda sentence: None)
        torch.manual_seed(1)
        model = Model()
        train(model, windows, settings, folder, seed=1, identity={"model": "fuzzed"}, stop=stop)
        return code, {name: each.tolist() for name, each in model.state_dict().items()}

    steps = iter(range(3))
    use(scratch / "checkpoint", lambda: next(steps, None) is None)
    documents = ("checkpoint/state.json", "training_code.json")
    files = (*documents, "checkpoint/weights.safetensors", "checkpoint/state.safetensors", "log.jsonl")
    return Subject("checkpoint", scratch / "checkpoint", files, use, documents)


def record_subject(name: str, run: Path) -> Subject:
    """A run folder, used by building boards and page of it beside a good run."""
    from stbench.boards.leaderboard import build

    def use(folder: Path) -> Any:
        out = folder.parent / f"{folder.name}-out"
        try:
            build(folder, out, page=out / "index.html")
        except StbenchError:
            left = [str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()]
            assert not left, f"published before it was refused: {left}"
            raise
        tables = [path for path in out.rglob("*") if path.suffix in (".csv", ".html")]
        found = {str(path.relative_to(out)): path.read_bytes() for path in tables}
        shutil.rmtree(out)
        return found

    files = tuple(path.name for path in sorted(run.iterdir()) if path.is_file())
    return Subject(name, run, files, use, ("record.json",))


def run_subjects(scratch: Path) -> list[Subject]:
    """A run of format 2, and the same as an older stbench wrote it."""
    import numpy as np

    from stbench.boards.publishing import find_runs, read_entry
    from stbench.protocols.scoring import Scores
    from stbench.results.aggregate import results_digest, rows, write_results, write_scores
    from stbench.results.clusters import cluster_means, write_clusters

    published = Path(__file__).resolve().parents[2] / "leaderboards" / "records"
    record = read_entry(find_runs(published)[0]).record
    values = np.random.default_rng(0).random((12, record.track.horizon))
    scores = Scores(np.repeat(np.arange(4), 3), np.tile(np.arange(3), 4), {"mse": values, "mae": values}, 0.5)
    new, old = scratch / "format-2", scratch / "format-1"
    for folder in (new, old):
        folder.mkdir()
        write_results(folder, rows(scores, record))
        write_scores(folder, scores)
        clusters = write_clusters(folder, cluster_means(scores, record.track))
        dataclasses.replace(record, results_sha256=results_digest(folder), clusters=clusters).write(folder)
    (new / "scores.npz").unlink()  # no board reads it where a record has means per cluster
    (old / "clusters.npz").unlink()
    content = json.loads((old / "record.json").read_text())
    track = content["track"]
    content |= {"format": 1, "track": f"{track['dataset']}/{track['protocol']}-{track['horizon']}"}
    for name in ("main_track", "results_sha256", "clusters"):
        del content[name]
    (old / "record.json").write_text(json.dumps(content))
    return [record_subject("format-2", new), record_subject("format-1", old)]
