"""One number per annotator: votes and likelihoods weighted by how good each annotator seems."""

from aggregate.models.voting.catd import CATD
from aggregate.models.voting.crh import CRH
from aggregate.models.voting.iterative_weighted_vote import IterativeWeightedVote
from aggregate.models.voting.log_odds_vote import LogOddsVote
from aggregate.models.voting.majority_vote import MajorityVote
from aggregate.models.voting.wawa import Wawa
from aggregate.models.voting.zencrowd import ZenCrowd
from aggregate.models.voting.zero_based_skill import ZeroBasedSkill

__all__ = [
    "CATD",
    "CRH",
    "IterativeWeightedVote",
    "LogOddsVote",
    "MajorityVote",
    "Wawa",
    "ZenCrowd",
    "ZeroBasedSkill",
]
