"""Asks a model all the tasks: from a SavedModel's folder to a report.

The one function for whoever has a model, in a pipeline or not: `evaluate`. It tells its progress by
`components.progress`.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import hashlib
import time
from collections.abc import Sequence

import numpy as np

from components import progress
from components.errors import StageError
from components.task_evaluator import aggregation, metrics, translation_scores
from components.task_evaluator.asking import Question, Reply, ask
from components.task_evaluator.config import TasksConfig
from components.task_evaluator.language_model import LanguageModel
from components.task_evaluator.results import ItemScores, Sample, TaskReport, TaskResult
from components.task_evaluator.task import Item, Task
from components.task_evaluator.tasks.catalog import AnyTask
from components.task_evaluator.tasks.cloze import Cloze, with_documents
from models import manifest

_CHECKS_AT_ONCE = 4


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """What came of it."""

    report: TaskReport
    items: tuple[ItemScores, ...]


def evaluate(saved_model: str, config: TasksConfig, documents: Sequence[str] = ()) -> Evaluated:
    """Asks a model.

    Args:
      saved_model: a folder that Lexmill exported.
      config: which tasks, how many items, which bounds.
      documents: held-out texts, for the tasks that are made of them.

    Raises:
      StageError: the model, or what a task is made of, is not what is needed.
      ModelError: the folder holds no model of Lexmill's.
    """
    started, now = time.monotonic(), time.strftime("%Y-%m-%dT%H:%M:%S%z")
    content = manifest.read(saved_model)
    model = LanguageModel(saved_model)
    results, items, failures = [], [], []
    for number, entry in enumerate(config.evaluate, start=1):
        task = with_documents(entry, documents) if isinstance(entry, Cloze) else entry
        result, scores = _evaluate_task(
            model, task, config, f"{number} of {len(config.evaluate)}: {task.label}"
        )
        results.append(result)
        items += scores
        failures += _failures(task, result)
    report = TaskReport(
        family=content.model.family,
        num_parameters=content.num_parameters,
        training_tokens=content.training_tokens,
        weights_sha256=content.weights_sha256,
        seed=config.seed,
        started=now,
        seconds=time.monotonic() - started,
        blessed=not failures,
        failures=tuple(failures),
        results=tuple(results),
    )
    return Evaluated(report, tuple(items))


def prompt_of(task: Task, item: Item, shots: Sequence[Item]) -> str:
    """All that the model is given."""
    return "".join(task.shown(shot) for shot in shots) + item.prompt


@dataclasses.dataclass(frozen=True)
class _Asked:
    """An item as the model reads it."""

    item: Item
    prompt: str
    question: Question
    is_cut: bool

    @property
    def continuations(self) -> tuple[str, ...]:
        return self.item.choices or (self.item.target,)

    @property
    def right(self) -> int:
        """Which continuation is the target."""
        return self.continuations.index(self.item.target)


def _evaluate_task(
    model: LanguageModel, task: AnyTask, config: TasksConfig, title: str
) -> tuple[TaskResult, list[ItemScores]]:
    items = task.items(config.seed, task.num_items or config.num_items)
    if not items:
        raise StageError(f"{task.label}: has no items to ask: raise its share of the items, or leave it out")
    asked = _asked(model, task, items, config.seed)
    replies = ask(
        model,
        [each.question for each in asked],
        lambda done: progress.report(title, completed=done, total=len(asked)),
    )
    answers = [_answer(each, reply) for each, reply in zip(asked, replies, strict=True)]
    rights = _rights(task, items, replies)
    scores = _scores(model, task, asked, replies, answers, rights)
    right = [score[_sharpest(task)] == 1.0 for score in scores]
    result = TaskResult(
        task=task.task,
        label=task.label,
        version=task.version,
        parameters=task.parameters(),
        shots=task.shots,
        num_items=len(items),
        num_cut=sum(each.is_cut for each in asked),
        mean_target_tokens=float(np.mean([len(each.question.continuations[each.right]) for each in asked])),
        metrics=aggregation.summarize(
            scores,
            [{name: task.chance(name, item) for name in scores[0]} for item in items],
            _estimators(task, items, answers),
            config.seed,
        ),
        samples=_samples(asked, answers, right, config.num_samples),
    )
    return result, [
        ItemScores(
            label=task.label,
            item=hashlib.sha256(each.item.identity.encode()).hexdigest()[:16],
            subject=each.item.subject,
            target_tokens=len(each.question.continuations[each.right]),
            answer=answer,
            metrics=score,
        )
        for each, answer, score in zip(asked, answers, scores, strict=True)
    ]


def _asked(model: LanguageModel, task: AnyTask, items: Sequence[Item], seed: int) -> list[_Asked]:
    """The items with as many of their shots as the context has room for."""
    shots = [list(task.shots_for(item, task.shots, seed)) if task.shots else [] for item in items]
    prompts = [prompt_of(task, *each) for each in zip(items, shots, strict=True)]
    texts = [[f"{text}{task.end}" for text in item.choices or (item.target,)] for item in items]
    encoded = iter(model.encode_continuations([text for of_item in texts for text in of_item]))
    longest = model.context_length // 2
    found = []
    for index, prompt_ids in enumerate(model.encode(prompts)):
        whole = [next(encoded) for _ in texts[index]]
        continuations = tuple(ids[:longest] for ids in whole)
        room = model.context_length + 1 - max(len(ids) for ids in continuations)
        is_cut = len(prompt_ids) > room or any(len(ids) > longest for ids in whole)
        while len(prompt_ids) > room and shots[index]:
            del shots[index][0]
            prompts[index] = prompt_of(task, items[index], shots[index])
            [prompt_ids] = model.encode([prompts[index]])
        question = Question(
            prompt_ids=prompt_ids[-room:],
            continuations=continuations,
            answer=task.answer if task.kind == "generation" else None,
            max_answer_chars=task.max_answer_chars,
        )
        found.append(_Asked(items[index], prompts[index], question, is_cut))
    return found


def _answer(asked: _Asked, reply: Reply) -> str:
    """What the model wrote, or the choice that it finds likeliest."""
    if asked.question.answer is not None:
        return reply.answer
    totals = [weighed.log_probabilities.sum(dtype=np.float64) for weighed in reply.weighed]
    return asked.continuations[int(np.argmax(totals))]


def _rights(task: AnyTask, items: Sequence[Item], replies: Sequence[Reply]) -> list[bool]:
    """Whether each answer is right; programs are run some at a time."""
    with concurrent.futures.ThreadPoolExecutor(_CHECKS_AT_ONCE) as executor:
        return list(
            executor.map(
                lambda item, reply: reply.is_complete and task.is_right(item, reply.answer), items, replies
            )
        )


def _scores(
    model: LanguageModel,
    task: AnyTask,
    asked: Sequence[_Asked],
    replies: Sequence[Reply],
    answers: Sequence[str],
    rights: Sequence[bool],
) -> list[dict[str, float]]:
    """Metric -> value, of each item."""
    answer_ids = model.encode_continuations(answers)
    target_ids = model.encode_continuations([each.item.target for each in asked])
    scores = []
    for index, (each, reply) in enumerate(zip(asked, replies, strict=True)):
        of_target = reply.weighed[each.right]
        score = metrics.target_scores(of_target.log_probabilities, of_target.is_likeliest)
        if each.item.choices:
            totals = [float(one.log_probabilities.sum(dtype=np.float64)) for one in reply.weighed]
            sizes = [len(choice.encode()) for choice in each.item.choices]
            score |= metrics.choice_scores(totals, sizes, each.right)
        if task.kind == "generation":
            distance = metrics.edit_distance(answer_ids[index].tolist(), target_ids[index].tolist())
            score |= {task.right_metric: float(rights[index]), metrics.TOKEN_EDIT_DISTANCE: float(distance)}
        if task.bleu_tokenizer:
            score |= _translation_scores(answers[index], each.item.target, task.bleu_tokenizer)
        scores.append(score)
    return scores


def _translation_scores(answer: str, target: str, tokenizer: str) -> dict[str, float]:
    return {
        metrics.CHRF: translation_scores.chrf(answer, target),
        metrics.BLEU: translation_scores.sentence_bleu(answer, target, tokenizer),
    }


def _estimators(task: AnyTask, items: Sequence[Item], answers: Sequence[str]) -> dict[str, metrics.Estimator]:
    if not task.bleu_tokenizer:
        return {}
    targets = [item.target for item in items]
    return {metrics.BLEU: translation_scores.corpus_bleu(answers, targets, task.bleu_tokenizer)}


def _sharpest(task: AnyTask) -> str:
    return task.right_metric if task.kind == "generation" else metrics.ACCURACY


def _samples(
    asked: Sequence[_Asked], answers: Sequence[str], right: Sequence[bool], count: int
) -> tuple[Sample, ...]:
    """The first items, right and wrong ones in turn as far as there are both."""
    found = [
        Sample(prompt=each.prompt, target=each.item.target, answer=answer, right=is_right)
        for each, answer, is_right in zip(asked, answers, right, strict=True)
    ]
    rights, wrongs = ([each for each in found if each.right is which] for which in (True, False))
    num_wrong = max(count - len(rights), min(count // 2, len(wrongs)))
    return (*rights[: count - min(num_wrong, len(wrongs))], *wrongs[:num_wrong])


def _failures(task: AnyTask, result: TaskResult) -> list[str]:
    found = []
    for bound in task.bounds:
        if bound.metric not in result.metrics:
            names = ", ".join(result.metrics)
            raise StageError(f"{task.label}: has no metric {bound.metric!r} to bound: it has {names}")
        value = result.metrics[bound.metric].value
        if bound.at_least is not None and not value >= bound.at_least:
            found.append(f"{task.label}: {bound.metric} is {value:.4f}, below the bound {bound.at_least:g}")
        if bound.at_most is not None and not value <= bound.at_most:
            found.append(f"{task.label}: {bound.metric} is {value:.4f}, above the bound {bound.at_most:g}")
    return found
