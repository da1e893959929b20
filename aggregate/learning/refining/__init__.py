"""A classifier and annotators that label together, round by round."""
