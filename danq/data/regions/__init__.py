"""Labels of a genome's bins: admitted to splits, labelled by tracks, chosen, written."""
