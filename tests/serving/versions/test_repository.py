import threading

import pytest

from serving.errors import InvalidArgumentError, LoadError, NotFoundError
from serving.versions.policies import LatestVersions, ModelConfig
from serving.versions.repository import Retries, State, VersionRepository, version_folders


class Folders:
    """A base path whose versions load as the folder's name, or fail when they hold a file called broken."""

    def __init__(self, base_path):
        self.base_path = base_path
        self.loads = []

    def add(self, name, broken=False):
        (self.base_path / name).mkdir()
        if broken:
            (self.base_path / name / "broken").touch()

    def remove(self, name):
        for file in (self.base_path / name).iterdir():
            file.unlink()
        (self.base_path / name).rmdir()

    def load(self, version_dir):
        self.loads.append(version_dir.rsplit("/", 1)[1])
        if "broken" in [path.name for path in (self.base_path / self.loads[-1]).iterdir()]:
            raise LoadError(f"{self.loads[-1]} is broken")
        return f"servable {self.loads[-1]}"

    def repository(self, max_num_retries=0, warm_up=lambda servable: None, **options):
        config = ModelConfig("m", str(self.base_path), **options)
        return VersionRepository(config, Retries(max_num_retries, interval_s=0.0), self.load, warm_up)


@pytest.fixture
def folders(tmp_path):
    return Folders(tmp_path)


def states(repository):
    return {status.version: status.state.name for status in repository.statuses()}


def test_only_integer_names_are_versions(folders):
    for name in ("1", "007", "beta", "2.tmp", "1_0", "9223372036854775808"):
        folders.add(name)
    assert sorted(version_folders(str(folders.base_path))) == [1, 7]


def test_the_newest_version_is_loaded_first_and_replaced_by_a_newer(folders):
    folders.add("1")
    folders.add("2")
    repository = folders.repository()
    repository.poll()
    folders.add("10")
    repository.poll()
    assert folders.loads == ["2", "10"]
    assert states(repository) == {10: "AVAILABLE", 2: "END"}
    assert [status.version for status in repository.statuses()] == [10, 2]


def test_a_poll_without_changes_loads_nothing(folders):
    folders.add("1")
    repository = folders.repository()
    repository.poll()
    repository.poll()
    assert folders.loads == ["1"]


def test_a_version_that_fails_to_load_leaves_the_old_one_serving(folders):
    folders.add("1")
    repository = folders.repository()
    repository.poll()
    folders.add("2", broken=True)
    repository.poll()
    repository.poll()
    with repository.acquire() as lease:
        assert (lease.version, lease.servable) == (1, "servable 1")
    assert states(repository) == {2: "END", 1: "AVAILABLE"}
    assert repository.statuses()[0].error.message == "2 is broken"
    assert folders.loads == ["1", "2"]


def test_a_failed_version_is_tried_again_up_to_the_limit(folders):
    folders.add("2", broken=True)
    repository = folders.repository(max_num_retries=2)
    for _ in range(5):
        repository.poll()
    assert folders.loads == ["2", "2", "2"]


def test_a_failed_version_is_tried_anew_when_its_folder_has_come_back(folders):
    folders.add("2", broken=True)
    repository = folders.repository()
    repository.poll()
    folders.remove("2")
    repository.poll()
    folders.add("2")
    repository.poll()
    assert states(repository) == {2: "AVAILABLE"}


def test_a_version_that_loaded_is_loaded_again_however_often_it_is_rolled_back_to(folders):
    folders.add("1")
    repository = folders.repository(max_num_retries=0)
    repository.poll()
    for _ in range(2):
        folders.add("2")
        repository.poll()
        folders.remove("2")
        repository.poll()
    assert states(repository) == {1: "AVAILABLE", 2: "END"}
    assert folders.loads == ["1", "2", "1", "2", "1"]


def test_deleting_the_newest_version_rolls_back(folders):
    folders.add("1")
    folders.add("2")
    repository = folders.repository()
    repository.poll()
    folders.remove("2")
    repository.poll()
    assert states(repository) == {2: "END", 1: "AVAILABLE"}


def test_several_versions_are_served_when_asked_for(folders):
    for name in ("1", "2", "3"):
        folders.add(name)
    repository = folders.repository(policy=LatestVersions(2))
    repository.poll()
    assert states(repository) == {3: "AVAILABLE", 2: "AVAILABLE"}


def test_an_unreadable_base_path_changes_nothing(folders):
    folders.add("1")
    repository = folders.repository()
    repository.poll()
    folders.remove("1")
    folders.base_path.rmdir()
    repository.poll()
    assert states(repository) == {1: "AVAILABLE"}


def test_a_version_in_use_is_unloaded_when_its_last_request_ends(folders):
    folders.add("1")
    repository = folders.repository()
    repository.poll()
    folders.add("2")
    with repository.acquire() as lease:
        repository.poll()
        assert states(repository) == {2: "AVAILABLE", 1: "UNLOADING"}
        assert lease.servable == "servable 1"
    assert states(repository) == {2: "AVAILABLE", 1: "END"}


def test_requests_never_wait_for_a_load(folders):
    folders.add("1")
    repository = folders.repository()
    repository.poll()
    loading, go_on = threading.Event(), threading.Event()
    load = folders.load

    def slow_load(version_dir):
        loading.set()
        go_on.wait(10)
        return load(version_dir)

    repository._load = slow_load
    folders.add("2")
    poller = threading.Thread(target=repository.poll)
    poller.start()
    assert loading.wait(10)
    assert repository.statuses()[0].state is State.LOADING
    with repository.acquire() as lease:
        assert lease.version == 1
    go_on.set()
    poller.join()
    assert repository.available_versions() == [2]


def test_versions_and_labels_that_are_not_served_are_named(folders):
    folders.add("1")
    repository = folders.repository(labels={"stable": 1, "canary": 2})
    with pytest.raises(NotFoundError, match=r"^Servable not found for request: Latest\(m\)$"):
        repository.acquire()
    repository.poll()
    with repository.acquire(label="stable") as lease:
        assert lease.version == 1
    with pytest.raises(NotFoundError, match=r"request: Specific\(m, 7\)$"):
        repository.acquire(version=7)
    with pytest.raises(NotFoundError, match=r"request: Specific\(m, 2\)$"):
        repository.acquire(label="canary")
    with pytest.raises(InvalidArgumentError, match=r"^Unrecognized servable version label: x$"):
        repository.acquire(label="x")


def test_a_lease_released_twice_is_given_back_once(folders):
    folders.add("1")
    repository = folders.repository()
    repository.poll()
    first, second = repository.acquire(), repository.acquire()
    first.release()
    first.release()
    repository.unload_all()
    assert states(repository) == {1: "UNLOADING"}
    second.release()
    assert states(repository) == {1: "END"}


class Diary:
    """An observer that writes down what it is told, and refuses the versions in ``refused``."""

    def __init__(self, refused=()):
        self.told, self.refused = [], refused

    def loaded(self, model_name, version, servable):
        self.told.append(f"{model_name} {version} loaded as {servable}")
        if version in self.refused:
            raise LoadError("not with me")

    def retired(self, model_name, version):
        self.told.append(f"{model_name} {version} retired")

    def unloaded(self, model_name, version):
        self.told.append(f"{model_name} {version} unloaded")


def test_an_observer_is_told_of_loads_and_of_unloads_once_the_last_lease_is_back(folders):
    folders.add("1")
    repository = folders.repository()
    diary = Diary()
    repository.observe(diary)
    repository.poll()
    lease = repository.acquire()
    folders.add("2")
    repository.poll()
    assert diary.told == ["m 1 loaded as servable 1", "m 2 loaded as servable 2", "m 1 retired"]
    lease.release()
    assert diary.told[3:] == ["m 1 unloaded"]


def test_an_observer_can_refuse_a_version_which_leaves_the_old_one_serving(folders):
    folders.add("1")
    repository = folders.repository()
    diary = Diary(refused=[2])
    repository.observe(diary)
    repository.poll()
    folders.add("2")
    repository.poll()
    assert states(repository) == {2: "END", 1: "AVAILABLE"}
    assert repository.statuses()[0].error.message == "not with me"
    assert diary.told[-1] == "m 2 unloaded"


def test_a_version_is_warmed_up_after_the_observers_and_before_its_first_request(folders):
    folders.add("1")
    diary = Diary()
    repository = folders.repository(warm_up=lambda servable: diary.told.append(f"warm-up of {servable}"))
    repository.observe(diary)
    repository.poll()
    assert diary.told == ["m 1 loaded as servable 1", "warm-up of servable 1"]


def test_a_version_whose_warm_up_fails_leaves_the_old_one_serving(folders):
    def warm_up(servable):
        if servable == "servable 2":
            raise LoadError("a bad record")

    folders.add("1")
    repository = folders.repository(warm_up=warm_up)
    repository.poll()
    folders.add("2")
    repository.poll()
    assert states(repository) == {2: "END", 1: "AVAILABLE"}
    assert repository.statuses()[0].error.message == "a bad record"


def test_a_load_that_fails_unexpectedly_is_a_failed_load(folders):
    folders.add("1")
    repository = folders.repository(warm_up=lambda servable: servable.nothing)
    repository.poll()
    assert states(repository) == {1: "END"}
    assert "AttributeError" in repository.statuses()[0].error.message
