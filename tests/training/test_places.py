"""Where runs are kept: on Colab on the user's Drive, elsewhere beside the notebook."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from fusiontools.errors import FusionError
from fusiontools.training import runs_folder


@pytest.fixture
def colab(monkeypatch):
    """A stand-in for Colab; what was mounted, and an error that mounting shall raise."""
    monkeypatch.delenv("FUSIONTOOLS_RUNS", raising=False)
    told = {"mounted": [], "error": None}
    drive = ModuleType("google.colab.drive")

    def mount(place):
        told["mounted"].append(place)
        if told["error"]:
            raise told["error"]

    drive.mount = mount
    package = ModuleType("google.colab")
    package.drive = drive
    monkeypatch.setitem(sys.modules, "google.colab", package)
    return told


def test_elsewhere_runs_lie_beside_the_notebook(monkeypatch):
    monkeypatch.delenv("FUSIONTOOLS_RUNS", raising=False)
    monkeypatch.setitem(sys.modules, "google.colab", None)  # there is none
    assert runs_folder() == Path("runs")


def test_on_colab_they_lie_on_drive(colab):
    assert runs_folder() == Path("/content/drive/MyDrive/fusiontools")
    assert colab["mounted"] == ["/content/drive"]


def test_without_leave_it_says_how_to_go_on(colab):
    colab["error"] = ValueError("mount failed")
    with pytest.raises(FusionError, match=r"mount failed.*FUSIONTOOLS_RUNS"):
        runs_folder()


def test_a_setting_names_another_folder_and_asks_nobody(colab, monkeypatch):
    monkeypatch.setenv("FUSIONTOOLS_RUNS", "~/trainings")
    assert runs_folder() == Path.home() / "trainings" and not colab["mounted"]
