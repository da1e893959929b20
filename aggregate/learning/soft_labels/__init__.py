"""Any classifier, trained on the soft labels of a crowd."""
