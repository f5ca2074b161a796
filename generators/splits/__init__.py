"""Split files of the datasets in this folder (data, read with `stbench.splits.files.load_split`)."""
