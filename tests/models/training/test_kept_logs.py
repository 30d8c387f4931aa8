import shutil

from models.training import kept_logs


def test_a_log_is_found_where_it_was_or_in_the_copy_that_was_kept(tmp_path):
    log = tmp_path / "Trainer" / "model_run" / "7"
    (log / "plugins" / "profile").mkdir(parents=True)
    (log / "events").write_text("curves")
    (log / "plugins" / "profile" / "trace").write_text("steps")
    assert kept_logs.find(str(log)) == str(log)
    kept_logs.keep(str(log))
    assert kept_logs.find(str(log)) == str(log)
    shutil.rmtree(log)
    kept = tmp_path / "Trainer" / "failed_run" / "7"
    assert kept_logs.find(f"{log}/") == str(kept)
    assert (kept / "plugins" / "profile" / "trace").read_text() == "steps"
    shutil.rmtree(kept)
    assert kept_logs.find(str(log)) == str(log)
