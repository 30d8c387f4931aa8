"""``lexmill run``."""

from __future__ import annotations

import shlex
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pipeline import quiet, samples
from pipeline.commands.ask import served
from pipeline.config import PipelineConfig, load
from pipeline.run_id import new_run_id
from pipeline.terminal import RunDisplay
from serving.silence import libraries_silenced

if TYPE_CHECKING:
    from pipeline.compute_plan import Budget
    from pipeline.history import Run
    from pipeline.local import DataOutputs
    from pipeline.new_data import Seen

DONE, FAILED, NOT_PUSHED = 0, 1, 3


def run_pipeline(
    config_name: str,
    overrides: Sequence[str],
    ask: str | None,
    budget: Budget | None = None,
    if_new_data: bool = False,
) -> int:
    """Runs the pipeline and tells the terminal; returns the exit status."""
    config = load(config_name, overrides)
    if budget is not None:
        from pipeline import compute_plan

        compute_plan.check(config.model, budget)
    if config.corpus.sample:
        samples.prepare(config.corpus.sample, Path(config.corpus.path))
    if if_new_data and (found := _seen(config)) is not None:
        print(f"{config.name}: {found}")
        return DONE
    run_id = new_run_id()
    log_file = Path(config.root) / "runs" / run_id / "log.txt"
    places = [override for override in overrides if override.startswith(("output.", "name="))]
    arguments = shlex.join([config_name, *(word for place in places for word in ("--set", place))])
    with quiet.libraries_write_to(log_file) as terminal:
        plan = partial(_plan, config_name, overrides, budget) if budget is not None else None
        return _run(config, run_id, log_file, terminal, ask, arguments, plan)


def _seen(config: PipelineConfig) -> Seen | None:
    with libraries_silenced():
        from pipeline import new_data

        return new_data.seen(config)


def _run(
    config: PipelineConfig,
    run_id: str,
    log_file: Path,
    terminal: TextIO,
    ask: str | None,
    arguments: str,
    plan: Callable[[RunDisplay, DataOutputs], PipelineConfig] | None,
) -> int:
    started = time.monotonic()
    with RunDisplay(terminal) as display:
        display.say(f"{config.name}: {config.corpus.path} to {config.model_base_path}; log: {log_file}")
        display.start("start", "loading TensorFlow and TFX")
        try:
            from pipeline import local

            outcome = local.run(config, run_id, display, partial(plan, display) if plan else None)
        except Exception as error:
            from pipeline.failures import explain

            display.fail(
                explain(error) or f"{type(error).__name__}: see {log_file}\n{traceback.format_exc()}"
            )
            return FAILED
        pipeline_s = time.monotonic() - started
        is_pushed = outcome.blessed and outcome.servable and outcome.pushed_path is not None
        if is_pushed and ask is not None:
            display.start("ask", "starting the server")
            try:
                answer = _ask(config, ask)
            except Exception as error:
                from pipeline.failures import explain

                display.fail(explain(error) or traceback.format_exc())
                return FAILED
            display.finish(time.monotonic() - started - pipeline_s, False, "answered over gRPC")
            display.say(f"\n{ask}{answer}\n", style="bold")
        for line in _closing(arguments, outcome, pipeline_s, is_pushed):
            display.say(line)
        return DONE if is_pushed else NOT_PUSHED


def _plan(
    config_name: str, overrides: Sequence[str], budget: Budget, display: RunDisplay, outputs: DataOutputs
) -> PipelineConfig:
    """Shows the plan; the configuration is the one that its overrides make, given as ``--set``."""
    from pipeline import plan_table, planning

    started = time.monotonic()
    display.start("plan", "timing this machine")
    config = load(config_name, overrides)
    plan = planning.make(config, budget, outputs)
    display.finish(time.monotonic() - started, False)
    display.show(plan_table.table(plan))
    bound = config.evaluation.max_bits_per_byte
    if plan.choice.bits_per_byte > bound:
        display.say(
            f"the predicted loss is above evaluation.max_bits_per_byte = {bound:g}: "
            "the model may not be blessed, and then is not pushed",
            style="yellow",
        )
    words = [word for override in (*overrides, *plan.overrides) for word in ("--set", override)]
    display.say(f"the same run: {shlex.join(['lexmill', 'run', config_name, *words])}", style="dim")
    return load(config_name, [*overrides, *plan.overrides])


def _ask(config: PipelineConfig, prompt: str) -> str:
    with served(config) as client:
        [generation] = client.generate([prompt], max_new_tokens=64, temperature=0.7, top_p=0.95)
        return str(generation.text)


def _closing(arguments: str, outcome: Run, seconds: float, is_pushed: bool) -> list[str]:
    lines = [f"pipeline: {seconds:.0f} s"]
    if outcome.evaluation is not None:
        lines.append(f"evaluation:  {outcome.evaluation.verdict()}")
        lines.append(f"             {outcome.evaluation_path}")
    if not is_pushed:
        reason = "the model is not servable" if outcome.blessed else "the model was not blessed"
        return [*lines, f"not pushed: {reason}; exit status {NOT_PUSHED}"]
    return [
        *lines,
        f"model:       version {outcome.pushed_version} in {outcome.pushed_path}",
        f"TensorBoard: lexmill tensorboard {arguments}",
        f"report:      lexmill train-report --config {arguments}",
        f"serve:       lexmill serve {arguments}",
        f'generate:    lexmill generate "To be" --config {arguments}',
    ]
