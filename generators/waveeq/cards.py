"""The cards of the three wave datasets: what a reader wants to know before using them."""

from __future__ import annotations

from dataclasses import replace

from stbench.contract.datasets import Card

BIBTEX = """@inproceedings{dona2021pde,
  title     = {{PDE}-Driven Spatiotemporal Disentanglement},
  author    = {Don{\\`a}, J{\\'e}r{\\'e}mie and Franceschi, Jean-Yves and Lamprier, Sylvain and Gallinari, Patrick},
  booktitle = {International Conference on Learning Representations},
  year      = {2021}
}"""

REFERENCE = "Donà, Franceschi, Lamprier, Gallinari: PDE-Driven Spatiotemporal Disentanglement, ICLR 2021"
LICENCE = "computed here by code under Apache-2.0, the licence of the published generator too"
UNITS = "metres and seconds by convention (the paper names none)"

QUIRKS = (
    "The walls are neither Eq. 32 of the paper (which would hold the centre of the source at zero) nor Neumann: the "
    "stencil skips a frame of two pixels, which therefore stays exactly zero for ever and reflects waves with the "
    "sign turned.",
    "That frame also costs accuracy: the wall sits a fraction of a cell off, so a standing mode converges with first "
    "order, not fourth.",
    "The source amplitude f0 has no effect: the initial state is zero and the equation linear, so w scales with f0 "
    "and the min-max of each sequence removes it, which leaves a family with one parameter, the wave speed.",
    "A table is enough: copying the continuation of the training window nearest in its 5 conditioning frames scores "
    "a mean squared error of 1.4e-6 (100 pixels: 1.3e-6), below the paper's 1.44e-4 (4.33e-5); the mean image and "
    "persistence score about 2e-2.",
    "The min-max is taken over all 300 time points, future ones included, before every second point is dropped.",
    "The value of the field at rest is not 0 and depends on the wave speed: 0.4562, 0.4573 and 0.4597 in sequences "
    "0, 1 and 2.",
    "The source is centred on pixel 32 and the walls on 31.5, so a frame is symmetric under transposition but not "
    "left to right.",
    "The published loader takes the frame height, 64, for the number of frames, 150: it sees 9,600 of 30,240 "
    "training windows (77 of 240 sequences) and 1,200 of 6,360 test windows (12 of 60 sequences), which ones "
    "depending on a directory listing; here all windows count.",
    "The published data have no validation part; here it is the last 24 of the 240 training sequences.",
    "The published solver works in float32 and differs from this float64 one by about 3e-5 after the min-max.",
)

WAVEEQ = Card(
    title="WaveEq",
    summary="The two-dimensional wave equation with one decaying source: 300 sequences of 150 frames of 64 x 64.",
    origin=(
        "w_tt = c^2 (w_xx + w_yy) + f(x, y, t) (Eq. 31) from w = w_t = 0, with f = f0 exp(-t/T0) inside the disc of "
        "radius 5 around (32, 32), 69 pixels, T0 = 0.05 s (Eq. 33). Differences of fourth order on five points, dx = "
        "1; Runge-Kutta of order four, 3/8 rule, dt = 0.001 s, 300 time points. f0 ~ U(1, 30), then c ~ U(300, 400) "
        "for each sequence, from NumPy's legacy stream with seed 42; more sequences or other ranges are drawn from "
        "one stream per sequence."
    ),
    dimensions="sequence 300, time 150 (every 0.002 s), channel 1, y 64, x 64; float32, from float64 arithmetic",
    factors={
        "wave_speed": "c, in m/s, between 300 and 400",
        "source_amplitude": "f0, in m/s^2, between 1 and 30; without effect on the frames",
    },
    units=f"displacement scaled to [0, 1]; {UNITS}",
    boundary="frozen frame: the two outermost pixels on every side are exactly zero before scaling",
    preprocessing="min-max of each sequence over all 300 time points, then every second point",
    quirks=QUIRKS,
    licence=LICENCE,
    reference=f"{REFERENCE}, Section 5.1 and Appendix D.1",
    bibtex=BIBTEX,
    keywords="wave equation, partial differential equations, numerical simulation, spatiotemporal prediction",
    cost="7 ms of one core per sequence, 2 s for all 300 (AMD EPYC, AVX-512); the published script takes 17 "
    "minutes there",
)

WAVEEQ_100 = replace(
    WAVEEQ,
    title="WaveEq-100",
    summary="WaveEq seen through 100 pixels: 300 sequences of 150 vectors.",
    dimensions="sequence 300, time 150 (every 0.002 s), sensor 100; y and x of every sensor; float32, from float64 "
    "arithmetic",
    preprocessing=(
        "min-max of each sequence over whole frames and all 300 time points, then every second point, then 100 "
        "pixels: rows, then columns, from NumPy's legacy stream with seed 42"
    ),
    quirks=(
        *QUIRKS,
        "The pixels are drawn with replacement: 99 of the 100 are different.",
        "14 of the 100 pixels lie on the frozen frame and never move; none lies inside the source.",
    ),
)

WAVEEQ_RICH = replace(
    WAVEEQ,
    title="WaveEq-rich",
    summary="The wave equation with two to four sources in an uneven medium: 1,200 sequences of 150 frames of 64 x 64.",
    origin=(
        "w_tt = c(x, y)^2 (w_xx + w_yy) + sum_k f_k(x, y, t), solved as WaveEq is. Sources: discs of radius 3 to 6 "
        "anywhere in the middle 60 % of the box, decay rate 20 to 60 /s, either sign, f0 ~ U(15, 30) scaled so that "
        "each injects the impulse (amplitude x area / decay) a WaveEq source of that f0 does; the first starts at t "
        "= 0, the others within 0.06 s. Medium: a bicubic B-spline over 7 x 7 random values, stretched to span 200 "
        "to 400 m/s in every sequence. One random stream per sequence."
    ),
    dimensions="sequence 1200, time 150 (every 0.002 s), channel 1, y 64, x 64; float32, from float64 arithmetic",
    factors={
        "wave_speed": "mean of c(x, y), in m/s",
        "wave_speed_field": "c(x, y), in m/s",
        "n_sources": "2, 3 or 4",
        "source_amplitude": "initial acceleration of each source, in m/s^2; 0 where there is no such source",
        "source_x": "x of each source's centre, in m",
        "source_y": "y of each source's centre, in m",
        "source_radius": "in m",
        "source_decay": "1/T0, in 1/s",
        "source_onset": "time each source starts, in s",
    },
    units=f"displacement in m; {UNITS}",
    preprocessing="every second time point; windows are standardised with the mean and deviation of the train split",
    quirks=(
        "Not a published dataset: made here because a table solves WaveEq.",
        "In 15.0 % of the test windows a source starts after the last conditioning frame, which no model can foresee; "
        "in the others the continuation follows from the state and the medium.",
        "The medium shows only where the field moves, so a forecast of a front entering still water is uncertain by "
        "nature.",
        "The energy of sequences differs (5th and 95th percentile of the mean square: 0.2 and 2.6 of the average), "
        "because sources of the same sign add up and those of opposite sign cancel.",
        "The frozen frame of WaveEq is kept, so that both have the same walls.",
    ),
    reference=f"this project; equation and solver after {REFERENCE}",
    cost="8 ms of one core per sequence, 10 s for all 1,200 (AMD EPYC, AVX-512)",
)
