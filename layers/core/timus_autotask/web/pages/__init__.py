"""Each page: typed views in, what its template shows out."""
