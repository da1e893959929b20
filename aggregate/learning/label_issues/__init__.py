"""Which labels are wrong, and which items to label again."""
