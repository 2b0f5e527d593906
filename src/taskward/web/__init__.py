"""The page at `/`: a client of the public API like any other, served as the files of this folder."""
