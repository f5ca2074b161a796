"""Writes docs/published_tables.md from leaderboards/reported.csv: `.venv/bin/python docs/make_published_tables.py`.

With `--check` nothing is written: it ends with 1 where the page is not what the table gives. `make lint` does so.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from pathlib import Path

from stbench.boards.reported import read_reported
from stbench.cli.lint_table import NOT_RIGHT
from stbench.literature.checks import lint
from stbench.literature.figures import of_reported
from stbench.literature.findings import Finding

PAGE = Path(__file__).with_name("published_tables.md")
REPORTED = Path(__file__).resolve().parents[1] / "leaderboards" / "reported.csv"

HEAD = """\
# Published tables, checked

Two commands ask what a printed number can be. `explain-number` leads one figure back to its row,
definition and horizon:

```console
$ stbench explain-number 37.97 --metric PSNR --track moving-mnist-angle/forecast-10
```

This finds it as the second PSNR of a run whose MSE of 32.15 gives 21.05 dB. A figure is held against
every number of `leaderboards/reported.csv` on the same dataset, as printed and converted: to a sum, a
mean, 100 times the sum, a sum over a sequence, a root, the PSNR of the mean error, exp of two
entropies. It is held against the published runs of the track, too, in every metric and at every lead
time. Where nothing fits, the answer is "no match". The digits count: 38 fits whatever rounds to it.

`lint-table` holds the figures of a table against one another. It reads CSV, Markdown and LaTeX. It
ends with 1 where it finds something, with 0 where it does not, with 2 where it cannot read the file:

```console
$ stbench lint-table table.tex --frame 1x64x64
$ stbench lint-table results.csv --classes 9 --json
```

`--frame` is the shape of a frame that MSE and MAE are sums over, `--classes` the number of classes of
a judge. Without them less is asked. A CSV has a row a run, or a row a figure with the columns `row`,
`metric`, `value` and any others.

## What is asked

- `identity`: IS = exp(H(y) - H(y|x)). An entropy is at most the logarithm of the number of classes.
  RMSE² = MSE. MAE² is at most MSE, which finds a sum beside a mean. A PSNR is at least that of the
  mean error. SSIM is at most 1.
- `psnr`: a PSNR far from what is usual above that of the mean error. Usual is the median of at least
  five runs whose errors are within a factor of 1.5, far is 0.5 dB and five robust standard deviations.
  More than 10 dB are far without comparison.
- `two-values`: one run with two values. It has one name in two tables, or two names and three other
  scores the same to the last digit.
- `copy`, `exchanged`: a figure copied from a table at hand that differs; two rows that changed places.
- `same-cost`: one model that costs the same on frames of two sizes; two models that cost the same.
- `provenance`: one row with figures of two runs; one column with copies of several origins.
- `budget`: a worse score after longer training.
- `column`: a column that holds the root of the column MSE under another name.

A printed figure stands for everything that rounds to it. An identity is broken where no such values
satisfy it. PSNR is a mean of logarithms, so it lies above the PSNR of the mean error (Jensen). By how
much is a property of the data: about 1.0 dB on Moving MNIST, 1.6 dB on TaxiBJ. Rows whose errors are
unlike all others, such as DMVFN on TaxiBJ, are not judged: nothing says what is usual for them.

"""
TAIL = """\

## What is behind it

- PSNR 37.97 and 38.35 are of bytes subtracted modulo 256. At commit 033a2dd of the repository the
  whole table of translators had such values.
- Known from reading were all but three: PhyDNet on Moving FMNIST and on Human3.6M, and MLP-Mixer on
  WeatherBench, were found by the command.
- A few bad frames raise a PSNR against its MSE as a misprint does. For PredRNN-V2 on TaxiBJ either is
  possible.
- PredRNN is worse after 2,000 epochs than after 200. That is one selected run, not wrong arithmetic.
- Of PredFormer's WeatherBench table only a picture is known. Its column "SSIM, higher is better" holds
  the root of MSE in all 20 rows, the lowest in bold. A test has such a column, made from the zoo's
  figures (`tests/literature/tables/weather.md`).
- PredFormer trains 200 epochs on TaxiBJ with AdamW, the rows beside it 50 with Adam; 2,000 on Moving
  MNIST. Most of the gap between an old row and a new one in such a table is the recipe.
- The scores of disentanglement and those of the original papers are recalled and were not read again,
  as the column `source` says. Their findings are pointers.
- SPYL and DBSE have the same four figures on Sprites. Scores there are at their bounds, so this is no
  finding.
"""


def page() -> str:
    figures = of_reported(read_reported(REPORTED))
    report = lint(figures)
    by_table: dict[str, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        by_table[finding.table].append(finding)
    counts = Counter(each.table for each in figures)
    lines = [
        "## Findings\n",
        f"Of {len(figures):,} figures of `leaderboards/reported.csv`, {report.compared:,} could be held against\n"
        f"others, with {len(report.findings)} findings. {NOT_RIGHT}\n",
    ]
    for table, found in by_table.items():
        lines += [f"### {table}\n", f"{counts[table]} figures.\n"]
        for each in found:
            run = f"**{each.run}**: " if each.run else ""
            lines.append(f"- {run}{each.sentence} (`{each.kind}`)")
        lines.append("")
    quiet = [f"{table} ({count})" for table, count in counts.items() if table not in by_table]
    lines += ["### Tables without a finding\n", "Figures in brackets.\n", *(f"- {each}" for each in quiet)]
    return HEAD + "\n".join(lines) + "\n" + TAIL


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        if PAGE.read_text("utf-8") == page():
            return 0
        print(f"{PAGE} is not what leaderboards/reported.csv gives: run .venv/bin/python docs/make_published_tables.py")
        return 1
    PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
