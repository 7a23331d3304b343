"""Messages of `market` as rows of Parquet files, bit for bit: what the store writes and the chain readers open."""
