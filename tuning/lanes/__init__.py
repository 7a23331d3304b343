"""Workers of a sweep on Ray: a desk that hands work out, and lanes that Ray Tune keeps alive."""
