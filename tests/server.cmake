# wherryd: configuration, start-up and log; then its transfers.
wherry_test(config LINK server)
wherry_test(config_text LINK server)
wherry_test(listeners LINK server)
wherry_test(missing_sums LINK server)
wherry_test(privs LINK server)
wherry_test(transfer_log LINK server)

