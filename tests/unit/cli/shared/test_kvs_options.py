"""The choices of options are those of the emulator, which commands import late."""

from itertools import product
from typing import get_args

from kinesight_cli.shared.kvs_options import DescribeName, ImageJoinName, undocumented
from kinesight_local.kvs.undocumented import Describe, ImageJoin, Undocumented


def test_every_choice_is_one_of_the_emulator() -> None:
    assert list(get_args(ImageJoinName)) == list(ImageJoin)
    assert list(get_args(DescribeName)) == list(Describe)
    for join, describe in product(ImageJoin, Describe):
        assert undocumented(join.value, describe.value) == Undocumented(join, describe)
