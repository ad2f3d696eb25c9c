"""Real servers, the ledger workload and the judges that the live tests use."""
