"""What trading costs: commissions, fees of exchanges and regulators by date, interest, borrow."""
