"""Pictures of fields: Plotly figures for pages, Matplotlib plots for files, and the points of the smiles in both."""
