"""From votes on pairs of answers to what RLHF and DPO are trained on."""
