from serving.errors import Code
from serving.monitoring.metrics import Counter, Gauge, Histogram, page
from serving.monitoring.server_metrics import ServerMetrics


def test_a_counter_is_written_under_prometheus_name_with_its_labels():
    counter = Counter("/tensorflow/serving/request_count", ["model_name", "status"])
    counter.add("m", "OK")
    counter.add("m", "OK", amount=2)
    counter.add('q"\\', "NOT_FOUND")
    assert page([counter]).splitlines() == [
        "# TYPE :tensorflow:serving:request_count counter",
        ':tensorflow:serving:request_count{model_name="m",status="OK"} 3',
        ':tensorflow:serving:request_count{model_name="q\\"\\\\",status="NOT_FOUND"} 1',
    ]


def test_a_gauge_is_set_and_forgotten_by_its_first_labels():
    gauge = Gauge("/g", ["a", "b"])
    gauge.set("x", "1", value=5)
    gauge.set("x", "2", value=6)
    gauge.set("y", "1", value=7)
    gauge.forget("x")
    assert page([gauge]) == '# TYPE :g gauge\n:g{a="y",b="1"} 7\n'


def test_a_histograms_buckets_count_what_is_below_their_bound():
    histogram = Histogram("/h", ["m"], bounds=[1, 10])
    for value in (0.5, 1, 5, 100):
        histogram.observe("a", value=value)
    assert page([histogram]).splitlines() == [
        "# TYPE :h histogram",
        ':h_bucket{m="a",le="1"} 1',
        ':h_bucket{m="a",le="10"} 3',
        ':h_bucket{m="a",le="+Inf"} 4',
        ':h_sum{m="a"} 106.5',
        ':h_count{m="a"} 4',
    ]


def test_only_answered_requests_are_timed():
    metrics = ServerMetrics()
    metrics.record_request("m", "Predict", "GRPC", None, 0.002)
    metrics.record_request("m", "Predict", "GRPC", Code.NOT_FOUND, 0.5)
    assert metrics.request_count.value("m", "OK") == 1
    assert metrics.request_count.value("m", "NOT_FOUND") == 1
    assert metrics.value_of("/tensorflow/serving/request_count") == 2
    latency = ':tensorflow:serving:request_latency_count{model_name="m",API="Predict",entrypoint="GRPC"} 1'
    assert latency in metrics.page().splitlines()


def test_a_version_is_tied_to_its_lineage_as_long_as_it_is_loaded(tmp_path):
    class Version:
        version_dir = str(tmp_path)

    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "mlmd_uuid").write_text("run-17\n")
    metrics = ServerMetrics()
    metrics.loaded("m", 3, Version())
    line = ':tensorflow:serving:mlmd_map{model_name="m",version="3",uuid="run-17"} 1'
    assert line in metrics.page().splitlines()
    metrics.unloaded("m", 3)
    assert line not in metrics.page().splitlines()
