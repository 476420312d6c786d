"""DNA sequence classification: from a genome and labelled regions to a trained network and a report."""
