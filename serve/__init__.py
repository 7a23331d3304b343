"""Ray Serve applications: the gateway with its HTTP interface, event stream and page."""
