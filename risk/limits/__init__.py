"""The rows of the risk table: what each measures, its bound, and the one gate that holds an order against them."""
