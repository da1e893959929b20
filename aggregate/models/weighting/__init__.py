"""One number per annotator: votes and likelihoods weighted by how good each annotator seems."""

from aggregate.models.weighting.catd import CATD
from aggregate.models.weighting.crh import CRH
from aggregate.models.weighting.log_odds_vote import LogOddsVote
from aggregate.models.weighting.zencrowd import ZenCrowd
from aggregate.models.weighting.zero_based_skill import ZeroBasedSkill

__all__ = ["CATD", "CRH", "LogOddsVote", "ZenCrowd", "ZeroBasedSkill"]
