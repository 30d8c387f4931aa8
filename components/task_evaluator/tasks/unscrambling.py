"""Word unscrambling: ``unscramble r t w a e: water``, one of the tasks on which GPT-3 was tried (Brown et
al., arXiv 2005.14165, section 3.9.2).

The words are nouns of daily life, and no two have the same letters. They are few, so half of them are for
evaluation.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import ClassVar, Literal, final

from pydantic import Field

from components.task_evaluator.generated import GeneratedTask
from components.task_evaluator.task import Item
from components.task_evaluator.tasks import symbols

WORDS = tuple(
    """
    apple arm baby ball basket bath bird blood boat body bone book boot bottle box boy brain branch bread
    brick bridge brother brush bucket bulb butter button cake camera card carriage cart chain cheese chest
    chin church circle clock cloud coat collar comb copper cork cotton cough country cover crack crime cup
    curtain cushion daughter death desk digestion direction dog door drain drawer dress drink dust ear edge
    egg engine eye face farm father feather finger fire fish flag floor flower fly foot fork fowl frame
    friend fruit garden girl glass glove goat gold grain grass hair hammer hand harbour harmony hat head
    heart hook horn horse hospital house ice ink insect iron island jewel journey kettle key kick kiss knee
    knife knot language leather leg library line lip lock machine map market match metal milk minute money
    monkey month moon morning mother mountain mouth muscle music nail name neck needle night noise nose
    number office oil orange oven paint paper parcel pencil picture pig pin pipe plane plant plate plough
    pocket potato powder prison property pump question rail rain receipt record rice ring river road rod roof
    root salt school scissors screw seed servant shade sheep shelf ship shirt shoe silk silver sister skin
    skirt smile smoke snake snow soap sock soup spade sponge spoon spring square stage stamp star station
    steam stem stick stocking stomach stone store street sugar summer sun surprise table tail taste thread
    throat thumb thunder ticket tin toe tongue tooth town train tray tree trousers umbrella uncle valley
    value voice wall watch water wave weather week wheel whip whistle window wine wing winter wire wood wool
    word worm wound writing year """.split()  # noqa: SIM905
)


@final
class Unscrambling(GeneratedTask):
    """A word's letters in another order. The whole word is what is kept apart for evaluation, in whichever
    order its letters come."""

    max_answer_chars: ClassVar[int] = 1 + max(map(len, WORDS))

    task: Literal["unscrambling"] = "unscrambling"
    evaluation_percent: int = Field(default=50, ge=1, le=90)
    """Share of the words that only evaluation sees; shots and training texts have the others."""

    def draw(self, source: random.Random) -> Item:
        word = source.choice(WORDS)
        letters = source.sample(word, len(word))
        while "".join(letters) == word:
            letters = source.sample(word, len(word))
        return Item(prompt=f"unscramble{symbols.joined(letters)}:", target=f" {word}", key=word)

    def chance(self, metric: str, item: Item) -> float | None:
        """Of the orders that the letters can stand in."""
        if metric != "exact_match":
            return None
        repeats = math.prod(math.factorial(count) for count in Counter(item.target.strip()).values())
        return repeats / math.factorial(len(item.target.strip()))
