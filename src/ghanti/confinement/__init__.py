"""Files of strangers are read in processes of their own, with limits, so that only those die of them."""
