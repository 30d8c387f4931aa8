"""A compute plan as a table: each figure, and where it comes from."""

from __future__ import annotations

from rich.table import Table

from models.networks.counts import format_flops
from pipeline.compute_plan import Plan


def table(plan: Plan) -> Table:
    """For the terminal."""
    grid = Table(title=f"plan for {plan.budget}", title_justify="left", header_style="bold")
    for heading in ("", "chosen", "why"):
        grid.add_column(heading)
    for row in rows(plan):
        grid.add_row(*row)
    return grid


def rows(plan: Plan) -> list[tuple[str, str, str]]:
    """What, how much, and where the figure comes from."""
    choice, model, data = plan.choice, plan.choice.model, plan.choice.data
    shape = f"{model.family}, {model.num_layers} x {model.hidden_dim}"
    step_tokens = choice.batch_size * data.sequence_length
    rate = format_flops(plan.flops_per_s)
    loss = choice.bits_per_byte
    return [
        (
            "compute",
            format_flops(choice.flops),
            "given" if plan.budget.flops else f"the time, at {rate} per second",
        ),
        ("model", shape, "the lowest predicted loss (arXiv 2203.15556, with 2305.16264 for repeated text)"),
        (
            "parameters",
            f"{choice.counts.parameters:,}",
            f"{choice.counts.non_embedding_parameters:,} outside the embeddings; "
            f"{format_flops(choice.counts.training_flops_per_token)} per token",
        ),
        (
            "tokens",
            f"{choice.num_steps * step_tokens:,}",
            f"{choice.epochs:.2g} passes over the {data.unique_tokens:,} of the train split",
        ),
        (
            "batch",
            f"{choice.batch_size} rows",
            f"{step_tokens:,} tokens, by tokens in all (arXiv 2503.04715, refitted)",
        ),
        ("steps", f"{choice.num_steps:,}", f"{plan.num_validations} validations among them"),
        ("learning rate", f"{choice.learning_rate:g}", "by width (arXiv 2203.03466, refitted)"),
        (
            "predicted loss",
            f"{loss:.2f} bits per byte",
            "of the eval split, by a law fitted to English plays",
        ),
        (
            "predicted time",
            f"{plan.training_s:,.0f} s",
            f"measured here: {plan.speed.step_s * 1000:.3g} ms a step ({rate} per second), "
            f"{plan.speed.start_s:.0f} s to start; data, export and evaluation come on top",
        ),
    ]
