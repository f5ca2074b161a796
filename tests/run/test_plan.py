"""Names and configurations are resolved before any work."""

import pytest

from stbench import registry
from stbench.errors import StbenchError
from stbench.plan import choose, find_track, split_model_name
from stbench.suite import Job, everything, floors


@pytest.mark.parametrize(
    ("model", "dataset", "preset", "sentence"),
    [
        ("sepva", "waveeq", "quick", "did you mean 'sepvar'"),
        ("sepvar:without", "waveeq", "quick", "did you mean 'without-s'"),
        ("sepvar", "wavee", "quick", "did you mean 'waveeq'"),
        ("sepvar", "waveeq", "quik", "did you mean 'quick'"),
        ("mean:x", "waveeq", "quick", "has no variants"),
        ("sepvar", "sprites", "quick", "has no presets for the dataset 'sprites'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(model: str, dataset: str, preset: str, sentence: str) -> None:
    with pytest.raises(StbenchError, match=sentence):
        choose(model, dataset, preset=preset)


def test_a_variant_is_named_after_a_colon() -> None:
    assert split_model_name("sepvar:without-s") == ("sepvar", "without-s")
    assert choose("sepvar:without-s", "waveeq-100", preset="paper").configuration["model"]["static_size"] == 0
    assert choose("sepvar", "waveeq-100", preset="paper").configuration["model"]["static_size"] == 32


def test_a_track_is_found_by_id_or_by_its_last_part() -> None:
    main = registry.dataset("waveeq").tracks[0]
    assert find_track("waveeq", None) == find_track("waveeq", "forecast-40") == find_track("waveeq", main.id) == main
    with pytest.raises(StbenchError, match=r"no track 'forecast-4'.*did you mean"):
        find_track("waveeq", "forecast-4")


def test_floors_learn_from_all_training_data_only_in_the_paper_preset() -> None:
    assert choose("mean", "waveeq", preset="paper").configuration["training"]["split"] == "train+val"
    assert choose("mean", "waveeq", preset="quick").configuration["training"]["split"] == "train"


def test_everything_has_all_floors_and_no_two_equal_configurations() -> None:
    jobs = everything("quick")
    datasets = {job.dataset for job in jobs}
    assert {"waveeq", "waveeq-100", "waveeq-rich"} <= datasets
    for dataset in datasets:
        models = [job.model for job in jobs if job.dataset == dataset]
        assert {"mean", "persistence", "linear", "nearest-neighbour"} <= set(models)
        learned = [choose(model, dataset).configuration for model in models if model.startswith("sepvar")]
        assert all(learned.count(each) == 1 for each in learned)


def test_floors_beside_a_job_are_asked_for_the_same_data() -> None:
    beside = Job("sepvar", "waveeq", "cpu", settings={"sequences": "12"})
    assert {(job.dataset, job.preset, job.settings["sequences"]) for job in floors(beside)} == {("waveeq", "cpu", "12")}
