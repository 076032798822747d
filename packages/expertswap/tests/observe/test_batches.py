from itertools import chain

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from expertswap.observe.batches import chunks_of, model_inputs, num_tokens, padded_tokens
from expertswap.prompts.tokens import TokenizedPrompt

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=60)


def prompts_of(lengths: list[int]) -> list[TokenizedPrompt]:
    return [
        TokenizedPrompt(number, "abc"[number % 3], np.arange(1, length + 1, dtype=np.int32))
        for number, length in enumerate(lengths)
    ]


@given(LENGTHS, st.integers(1, 200))
def test_every_prompt_is_in_one_batch_and_no_batch_is_too_large(
    lengths: list[int], batch_tokens: int
) -> None:
    chunks = chunks_of(prompts_of(lengths), batch_tokens=batch_tokens)
    numbers = [sorted(one.number for batch in chunk for one in batch) for chunk in chunks]
    in_order = [*chain.from_iterable(numbers)]
    assert in_order == [*range(len(lengths))], "chunks keep the order of the prompts"
    for chunk in chunks:
        for batch in chunk:
            assert len(batch) == 1 or len(batch) * max(map(len, batch)) <= batch_tokens
    assert num_tokens(chunks) == sum(lengths) <= padded_tokens(chunks)


@given(LENGTHS)
def test_labels_say_what_each_token_is(lengths: list[int]) -> None:
    batch = tuple(prompts_of(lengths))
    inputs = model_inputs(batch, domains=["a", "b", "c"], device=torch.device("cpu"))
    labels = inputs.prefill_labels()
    ids_N = inputs.ids_BT.reshape(-1)[labels.rows_N].numpy()
    np.testing.assert_array_equal(ids_N, np.concatenate([one.token_ids for one in batch]))
    np.testing.assert_array_equal(labels.position_N, ids_N - 1)
    np.testing.assert_array_equal(labels.prompt_N, np.repeat(np.arange(len(batch)), lengths))
    np.testing.assert_array_equal(labels.domain_N.numpy(), labels.prompt_N % 3)
    assert inputs.mask_BT[:, -1].all(), "prompts end together"
