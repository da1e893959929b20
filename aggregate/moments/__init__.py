"""Moments: how annotators' labels co-occur, by themselves, in pairs, in triples, in sequence.

They are averages over the items that those annotators labelled in common (available cases),
kept as counts, so that the counts of several blocks of items, files or machines add up.
"""

from aggregate.moments.content import ContentRanks, content_ranks
from aggregate.moments.first import LabelShares, label_shares
from aggregate.moments.groups import group_vote_counts
from aggregate.moments.sampling import choose_triples
from aggregate.moments.second import PairMoments, lagged_pair_moments, pair_moments
from aggregate.moments.third import TripleMoments, triple_moments

__all__ = [
    "ContentRanks",
    "LabelShares",
    "PairMoments",
    "TripleMoments",
    "choose_triples",
    "content_ranks",
    "group_vote_counts",
    "label_shares",
    "lagged_pair_moments",
    "pair_moments",
    "triple_moments",
]
