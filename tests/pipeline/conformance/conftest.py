"""The object store and the runner, which are modules of their own, as fixtures."""

import importlib.util
import sys
from pathlib import Path

import pytest


def _module(name):
    specification = importlib.util.spec_from_file_location(
        f"conformance_{name}", Path(__file__).with_name(f"{name}.py")
    )
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def runner():
    return _module("runner")


@pytest.fixture(scope="session")
def object_store():
    return _module("object_store")


@pytest.fixture(scope="session")
def s3_store():
    return _module("s3_store")


@pytest.fixture(scope="module")
def served(request, object_store, s3_store, tmp_path_factory):
    """An object store with the bucket ``lexmill``, and the environment and files by which clients find it."""
    folder = tmp_path_factory.mktemp("store")
    if request.config.getoption("--store") == "s3":
        with s3_store.serve_in_process(["lexmill"]) as (store, environment):
            yield store, environment, folder
        return
    store = object_store.ObjectStore()
    with object_store.serve(store, folder) as environment:
        yield store, environment, folder
