"""Writes tables into docs/reproduction.md: those of both papers with what was run here beside them, what seeds decide,
what short trainings show, and what clips of each model show.

`.venv/bin/python docs/make_reproduction.py` reads `leaderboards/reported.csv` and the published records; nothing in
these tables is typed by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stbench.boards.absent import read_listed
from stbench.boards.board import Board, Line
from stbench.boards.publishing import read_published
from stbench.boards.ranking import boards
from stbench.boards.reported import Reported, read_reported
from stbench.results.numbers import count_text, interval_text, score_text, seconds_text

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reproduction.md"
BEGIN, END = "<!-- docs/make_reproduction.py writes {}: from here -->", "<!-- to here -->"
PRESETS = ("paper", "cpu")
"""The first one in which a board has networks is shown."""

SEPVAR, HAMILTONIAN = "dona2021pde", "khan2021hamiltonian"
NAMES = {
    SEPVAR: {
        "Ours": "sepvar",
        "Ours (without S)": "sepvar:without-s",
        "Ours (linear)": "sepvar:linear",
        "Ours (linear, without S)": "sepvar:linear-without-s",
        "Ours (lambda_AE = 0)": "sepvar:lambda-ae-0",
        "Ours (lambda_reg^S = 0)": "sepvar:lambda-s-0",
        "Ours (lambda_reg^T = 0)": "sepvar:lambda-t-0",
        "Ours (GRU)": "sepvar:gru",
        "PKnl": "pknl",
        "PhyDNet": "phydnet",
        "SVG": "svg",
        "MIM": "mim",
        "DrNet": "drnet",
        "DDPAE": "ddpae",
        "E3D": "e3d-lstm",
        "C. LSTM": "causal-lstm",
        "PredRNN": "predrnn",
        "ConvLSTM": "convlstm",
    },
    HAMILTONIAN: {
        "H": "hamiltonian",
        "Skew-H": "hamiltonian:skew",
        "Ours H": "hamiltonian",
        "DSVAE": "dsvae",
        "MoCoGAN": "mocogan",
        "S3VAE": "s3vae",
    },
}
"""Paper -> row of its tables -> model here."""

UNDEFINED = {"MSE": "mse", "PSNR": "psnr", "SSIM": "ssim_gauss11"}
"""Metrics a paper does not define, and ours beside them."""

JUDGED = {"Accuracy": "judge_action_accuracy", "H(y|x)": "judge_intra_entropy", "H(y)": "judge_inter_entropy"}
SEEN = {
    "action: judge": "judge_action_accuracy",
    "action: renderer": "renderer_action_accuracy",
    "with direction: judge": "judge_motion_accuracy",
    "with direction: renderer": "renderer_motion_accuracy",
    "attributes: renderer": "renderer_attributes_accuracy",
    "both agree": "judge_agreement",
}
JUDGED_TRACKS = ("sample-8", "resample-8")
QUARTER = {
    "taxibj": ("forecast-4",),
    "waveeq-rich": ("forecast-40",),
    "sst": ("forecast-6", "forecast-10"),
    "moving-mnist": ("forecast-10", "forecast-95", "swap-10", "swap-95"),
    "chairs": ("forecast-10", "swap-15"),
    "kth": ("forecast-30",),
}
"""Dataset -> tracks scored beside a truth, of the first table of the preset `cpu`."""

EVERYWHERE = ("sepvar", "sepvar:without-s", "convlstm", "phydnet")
OF_CLIPS = {
    "generation-16: mse": ("generation-16", "mse"),
    "sample-8: action": ("sample-8", "judge_action_accuracy"),
    "resample-8: action": ("resample-8", "judge_action_accuracy"),
    "exchange-8: action": ("exchange-8", "judge_action_accuracy"),
    "probe-8: action from content": ("probe-8", "probe_linear_action_from_content"),
    "attributes from motion": ("probe-8", "probe_linear_attributes_from_motion"),
}
"""Column of the table of a dataset of clips -> track and metric."""

IDENTITY = {
    "sample-8: identity": ("sample-8", "judge_identity_accuracy"),
    "exchange-8: identity": ("exchange-8", "judge_identity_accuracy"),
}
ATTRIBUTES = {
    "Accuracy (skin colour)": "judge_body_accuracy",
    "Accuracy (shirt)": "judge_topwear_accuracy",
    "Accuracy (pant)": "judge_bottomwear_accuracy",
    "Accuracy (hair)": "judge_hair_accuracy",
    "Accuracy (identity)": "judge_identity_accuracy",
}

NINE_WAY = {("sprites", "resample-8"): ("action and direction", "judge_motion_accuracy")}
"""Where an accuracy of the paper is one of action and direction, which its entropies tell, and ours knows both."""

ZOO, PHYDNET, SIMVP = "tan2023openstl", "leguen2020phydnet", "gao2022simvp"
OF_THE_ZOO = {
    "convlstm:field": ("ConvLSTM-S", PHYDNET, "ConvLSTM"),
    "phydnet": ("PhyDNet", PHYDNET, "PhyDNet"),
    "predrnn:field": ("PredRNN", PHYDNET, "PredRNN"),
    "causal-lstm:field": ("PredRNN++", PHYDNET, "PredRNN++"),
    "mim:field": ("MIM", PHYDNET, "MIM"),
    "e3d-lstm:field": ("E3D-LSTM", PHYDNET, "E3D-LSTM"),
    "simvp": ("SimVP (gSTA)", "", ""),
    "simvp:inception-field": ("SimVP (IncepU)", SIMVP, "SimVP"),
    "tau": ("TAU", "", ""),
}
"""Model -> its row in the model zoo of OpenSTL, and in the table of a paper with its bibtex key."""
OF_THE_FIELD = (
    ("taxibj/forecast-4", "50 epochs"),
    ("moving-mnist-angle/forecast-10", "200 epochs"),
    ("moving-mnist-angle/forecast-10", "2,000 epochs"),
    ("kth-128/forecast-20", "100 epochs"),
)


@dataclass(frozen=True)
class Asked:
    """What a column shows: a metric of the paper and ours, a mean over lead times of a track."""

    track: str
    printed: str
    metric: str
    lead_times: str


class Ours:
    """What was run here."""

    def __init__(self) -> None:
        self.boards: dict[tuple[str, str], Board] = {}
        for board in boards(read_published(ROOT / "leaderboards")):
            # Official data before a stand-in.
            if (board.preset, board.track.id) not in self.boards or board.source != "simulated":
                self.boards[board.preset, board.track.id] = board
        self.absent = {(each.track, each.model) for each in read_listed(ROOT / "leaderboards" / "not_applicable.csv")}

    def board(self, track: str) -> Board | None:
        at_hand = (self.boards.get((preset, track)) for preset in PRESETS)
        return next((board for board in at_hand if board is not None and _networks(board)), None)

    def value(self, model: str, asked: Asked) -> str:
        """As text: of several seeds their mean and how many, or why there is none."""
        board = self.board(asked.track)
        line = next((each for each in board.blocks[0].lines if each.model == model), None) if board else None
        found = line.summary(asked.metric, asked.lead_times) if line else None
        if line is not None and found is not None:
            seeds = f" ({len(line.entries)} seeds)" if len(line.entries) > 1 else ""
            return score_text(found.value) + seeds
        return "not applicable" if line or (asked.track, model) in self.absent else "not run"

    def heading(self, track: str) -> str:
        """The track, with preset and source of what is shown of it."""
        board = self.board(track)
        if board is None:
            return f"`{track}`, not run"
        return f"`{track}`, `{board.preset}`" + (", simulated" if board.source == "simulated" else "")


def _networks(board: Board) -> list[Line]:
    return [line for line in board.blocks[0].lines if not line.record.floor] if board.blocks else []


def papers(ours: Ours) -> str:
    """Both papers' tables."""
    reported = _reported()
    dona = [each for each in reported if each.bibtex_key == SEPVAR]
    khan = [each for each in reported if each.bibtex_key == HAMILTONIAN]

    def table(number: str, dataset: str = "") -> list[Reported]:
        return [each for each in dona if each.table == number and each.track.startswith(dataset)]

    lines = [
        "## The tables of both papers, ours beside them",
        "",
        "A cell is the printed number, a semicolon, and ours: the mean over lead times 1 to the one named, by the same",
        "formula where the paper has one. The preset stands with the track: `cpu` is a training of ten minutes to an",
        "hour, and its figures are no attempt at the printed ones. Simulated data are other data.",
        "",
        "### PDE-Driven Spatiotemporal Disentanglement",
        "",
        *_table("Table 1, waves", table("Table 1", "waveeq"), ours),
        *_table("Table 2", table("Table 2"), ours),
        *_table("Table 3", table("Table 3"), ours),
        *_table("Table 4", table("Table 4"), ours),
        *_table("Table 6, with the columns of sea surface of Table 1", table("Table 6"), ours),
        "Table 5 has Fréchet video distances alone, by the weights of I3D, which are not at hand.",
        "",
        "### Hamiltonian prior to Disentangle Content and Motion in Image Sequences",
        "",
        *_table("Table 1", [each for each in khan if each.table == "Table 1"], ours),
        *_judged([each for each in khan if each.table == "Table 2a"], ours),
        *_attributes([each for each in khan if each.table == "Table 2b"], ours),
    ]
    return "\n".join(lines).rstrip("\n")


def _table(title: str, rows: Sequence[Reported], ours: Ours) -> Iterator[str]:
    """One table of a paper, a row a model as printed."""
    columns = list(dict.fromkeys(_asked(each) for each in rows))
    for track in dict.fromkeys(each.track for each in columns):
        shown = [each for each in columns if each.track == track]
        yield f"{title}: {ours.heading(track)}"
        yield ""
        heads = [f"{each.printed}, {each.lead_times}" for each in shown]
        yield "| " + " | ".join(["printed as", "here", *heads]) + " |"
        yield "|" + "---|" * (2 + len(heads))
        printed = {(each.row, _asked(each)): each.value for each in rows}
        for name in dict.fromkeys(each.row for each in rows if each.track == track):
            model = NAMES[rows[0].bibtex_key][name]
            cells = [f"{printed.get((name, each), '')}; {ours.value(model, each)}" for each in shown]
            yield "| " + " | ".join([name, f"`{model}`", *cells]) + " |"
        yield ""


def _asked(row: Reported) -> Asked:
    return Asked(row.track, row.metric, row.metric_here or UNDEFINED.get(row.metric, ""), row.lead_times)


def _judged(rows: Sequence[Reported], ours: Ours) -> Iterator[str]:
    """Table 2a: what a judge says of clips whose motion, or content, is drawn."""
    names = NAMES[HAMILTONIAN]
    for dataset in ("sprites", "mug"):
        tracks = [f"{dataset}/{each}" for each in JUDGED_TRACKS]
        yield f"Table 2a: {dataset}, as printed; " + "; ".join(ours.heading(each) for each in tracks)
        yield ""
        heads = ["as printed: accuracy", "H(y given x)", "H(y)"]
        accuracies = {name: NINE_WAY.get((dataset, name), ("action", JUDGED["Accuracy"])) for name in JUDGED_TRACKS}
        heads += [f"{name}: {head}" for name, (of, _) in accuracies.items() for head in (of, "H(y given x)", "H(y)")]
        yield "| " + " | ".join(["printed as", "here", *heads]) + " |"
        yield "|" + "---|" * (2 + len(heads))
        of_dataset = [each for each in rows if each.dataset == dataset]
        for name in dict.fromkeys(each.row for each in of_dataset):
            printed: Mapping[str, str] = {each.metric: each.value for each in of_dataset if each.row == name}
            cells = [printed[each] for each in JUDGED]
            for track, (_, accuracy) in zip(tracks, accuracies.values(), strict=True):
                for metric in (accuracy, JUDGED["H(y|x)"], JUDGED["H(y)"]):
                    cells.append(ours.value(names[name], Asked(track, "", metric, "1..8")))
            yield "| " + " | ".join([name, f"`{names[name]}`", *cells]) + " |"
        yield ""


def _attributes(rows: Sequence[Reported], ours: Ours) -> Iterator[str]:
    """Table 2b: how often the content is seen in clips whose motion is drawn."""
    tracks = dict.fromkeys(f"{each.dataset}/{JUDGED_TRACKS[0]}" for each in rows)
    yield "Table 2b: " + "; ".join(ours.heading(each) for each in tracks)
    yield ""
    yield "| printed as | here | of | as printed | ours |"
    yield "|" + "---|" * 5
    for each in rows:
        model = NAMES[HAMILTONIAN][each.row]
        asked = Asked(f"{each.dataset}/{JUDGED_TRACKS[0]}", each.metric, ATTRIBUTES[each.metric], "1..8")
        yield f"| {each.row} | `{model}` | {each.dataset}, {each.metric} | {each.value} | {ours.value(model, asked)} |"
    yield ""


def seeds(ours: Ours, track: str) -> str:
    """What one seed says: the score of each, and of the weights kept on the way."""
    board = ours.board(track)
    assert board is not None, f"no networks were run on {track}"
    metric, lead_times = board.metrics[0], board.mean_lead_time
    lines = [line for line in board.blocks[0].lines if line.summary(metric, lead_times) is not None]
    numbers = sorted({seed for line in lines for seed in line.seeds})
    heads = [f"{metric} {lead_times}", *(f"seed {seed}" for seed in numbers), "mean", "standard deviation"]
    heads += ["95 % interval", "reported", "parameters", "training"]
    printed = {NAMES[SEPVAR][each.row]: each.value for each in _reported() if _is_printed(each, track)}
    rows = [[*_seeds(line, numbers, metric, lead_times), printed.get(line.model, ""), *_cost(line)] for line in lines]
    return "\n\n".join([_rows(heads, rows), *_kept(lines, f"{metric} {lead_times}")])


def _seeds(line: Line, numbers: Sequence[int], metric: str, lead_times: str) -> list[str]:
    """Of a model that has no seed the one value is the mean."""
    found = line.summary(metric, lead_times)
    assert found is not None
    floor, drawn = line.record.floor, bool(line.record.steps)
    scores = {entry.record.seed: entry.cells[metric, lead_times].value for entry in line.entries}
    cells = ["" if not drawn or seed not in scores else score_text(scores[seed]) for seed in numbers]
    spread = score_text(found.seed_sd) if found.seed_sd is not None else ""
    interval = interval_text(found.value, found.ci_low, found.ci_high)
    return [f"`{line.model}`" + (" (floor)" if floor else ""), *cells, score_text(found.value), spread, interval]


def _cost(line: Line) -> list[str]:
    """Parameters, and minutes of one seed, on the mean: of the processor where all seeds know them, else on the
    clock."""
    if not line.record.steps or line.train_seconds is None:
        return [count_text(line.record.parameters), ""]
    known = all("cpu_seconds" in entry.record.training for entry in line.entries)
    seconds = line.train_cpu_seconds if known else line.train_seconds
    time = f"{seconds_text(seconds or 0.0)} {'of processor' if known else 'on the clock'}"
    return [count_text(line.record.parameters), f"{line.record.steps:,} steps, {time}"]


def _kept(lines: Sequence[Line], heading: str) -> Iterator[str]:
    """Scores of the weights kept on the way, a row a seed."""
    kept = {
        f"`{line.model}`, seed {entry.record.seed}": scores
        for line in lines
        for entry in line.entries
        if (scores := entry.record.training.get("snapshot_scores"))
    }
    if not kept:
        return
    steps = sorted({int(step) for scores in kept.values() for step in scores})
    rows = [
        [name, *(score_text(scores[str(step)]) if str(step) in scores else "" for step in steps)]
        for name, scores in kept.items()
    ]
    yield _rows([f"{heading} of the weights after", *(f"{step:,}" for step in steps)], rows)


def _is_printed(row: Reported, track: str) -> bool:
    """In Table 1 of the paper whose model it is."""
    return (row.bibtex_key, row.track, row.table) == (SEPVAR, track, "Table 1")


def _reported() -> list[Reported]:
    return list(read_reported(ROOT / "leaderboards" / "reported.csv"))


def judges(ours: Ours) -> str:
    """Clips of sprites: the judge beside the nearest rendering."""
    heads = ["`sprites`", "track", *SEEN]
    rows = []
    for track in (*JUDGED_TRACKS, "exchange-8"):
        board = ours.board(f"sprites/{track}")
        for line in _networks(board) if board is not None else []:
            found = [line.summary(metric, "1..8") for metric in SEEN.values()]
            cells = [score_text(each.value) if each is not None else "" for each in found]
            if any(cells):
                rows.append([f"`{line.model}`", f"`{track}`", *cells])
    return _rows(heads, rows)


def quarter(ours: Ours) -> str:
    """The preset `cpu`, a row a track: what every track has, and the best of the others."""
    heads = ["mse", *(f"`{model}`" for model in EVERYWHERE), "best other network", "best floor", "persistence", "mean"]
    rows = []
    for track in (f"{dataset}/{name}" for dataset, names in QUARTER.items() for name in names):
        board = ours.boards.get(("cpu", track))
        if board is None or not _networks(board):
            continue
        scored = {
            line.model: (line, found.value)
            for line in board.blocks[0].lines
            if (found := line.summary("mse", board.mean_lead_time)) is not None
        }
        networks = {model: value for model, (line, value) in scored.items() if not line.record.floor}
        floors = {model: value for model, (line, value) in scored.items() if line.record.floor}
        others = {model: value for model, value in networks.items() if model not in EVERYWHERE}
        best = min(value for _, value in scored.values())
        cells = [_score({each: networks[each]} if each in networks else {}, best) for each in EVERYWHERE]
        cells += [_score(others, best, named=True), board.floors_note or _score(floors, best, named=True)]
        cells += [_score({each: floors[each]}, best) for each in ("persistence", "mean")]
        rows.append([f"`{track}`" + (", simulated" if board.source == "simulated" else ""), *cells])
    return _rows(heads, rows)


def field(ours: Ours) -> str:
    """Squared errors, summed over a frame, of the field's tables; of taxis beside the short trainings here."""
    printed = {(each.bibtex_key, each.row, each.track): each.value for each in _reported() if each.metric == "MSE"}
    taxis, digits = OF_THE_FIELD[0][0], OF_THE_FIELD[1][0]
    board = ours.boards.get(("cpu", taxis))
    lines = {line.model: line for line in board.blocks[0].lines} if board is not None else {}
    heads = ["model", *(f"`{track}`, {epochs}" for track, epochs in OF_THE_FIELD)]
    heads += [f"`{digits}`, older tables", f"here, `{taxis}`, `cpu`, {board.source if board is not None else ''}"]
    rows = []
    for model, (row, paper, name) in OF_THE_ZOO.items():
        cells = [printed[ZOO, f"{row}, {epochs}", track] for track, epochs in OF_THE_FIELD]
        base = model.partition(":")[0]
        line = lines.get(model) or (lines.get(base) if base != "simvp" else None)
        found = line.summary("mse", board.mean_lead_time) if line is not None and board is not None else None
        run = f"{score_text(2048 * found.value)} (`{line.model}`)" if found is not None and line is not None else ""
        rows.append([f"`{model}`", *cells, printed.get((paper, name, digits), ""), run])
    return _rows(heads, rows)


def _score(scores: Mapping[str, float], best: float, *, named: bool = False) -> str:
    """The lowest of them, bold if nothing is lower."""
    if not scores:
        return ""
    model = min(scores, key=lambda each: scores[each])
    text = score_text(scores[model])
    return (f"**{text}**" if scores[model] == best else text) + (f" `{model}`" if named else "")


def clips(ours: Ours, dataset: str, columns: Mapping[str, tuple[str, str]]) -> str:
    """What the networks of a dataset of clips were asked; "-": not applicable, nothing: not run."""
    at_hand = {name: ours.board(f"{dataset}/{name}") for name, _ in columns.values()}
    models = sorted({line.model for board in at_hand.values() if board is not None for line in _scored(board)})
    rows = []
    for model in models:
        cells = []
        for name, metric in columns.values():
            board = at_hand[name]
            if board is None:
                cells.append("")
                continue
            value = ours.value(model, Asked(board.track.id, "", metric, board.mean_lead_time))
            cells.append({"not applicable": "-", "not run": ""}.get(value, value))
        rows.append([f"`{model}`", *cells])
    return _rows([f"`{dataset}`", *columns], rows)


def _scored(board: Board) -> list[Line]:
    """Networks with a score on the board."""
    return [line for line in _networks(board) if line.summary(board.metrics[0], board.mean_lead_time) is not None]


def _rows(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (heads, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(heads), *lines[1:]])


SECTIONS: Mapping[str, Callable[[Ours], str]] = {
    "seeds of waveeq-100": lambda ours: seeds(ours, "waveeq-100/forecast-40"),
    "seeds of waveeq": lambda ours: seeds(ours, "waveeq/forecast-40"),
    "a quarter of an hour": quarter,
    "clips of sprites": lambda ours: clips(ours, "sprites", OF_CLIPS),
    "judges of sprites": judges,
    "clips of mug": lambda ours: clips(ours, "mug", OF_CLIPS | IDENTITY),
    "the papers' tables": papers,
    "the field's tables": field,
}
"""What stands between two marks on the page -> its text."""


def page(text: str) -> str:
    """The page with every section between its marks."""
    ours = Ours()
    for name, section in SECTIONS.items():
        before, begin, rest = text.partition(BEGIN.format(name))
        assert begin, f"the page has no place for {name}"
        text = f"{before}{begin}\n\n{section(ours)}\n\n{END}{rest.partition(END)[2]}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
    print(PAGE.relative_to(ROOT))
