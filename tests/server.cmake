# wherryd: configuration, start-up and log; then its transfers.
wherry_test(config LINK server SOURCES support/config_story.c)
wherry_test(config_values LINK server SOURCES support/config_story.c)
wherry_test(config_text LINK server)
wherry_test(listeners LINK server)
wherry_test(missing_sums LINK server)
wherry_test(privs LINK server)
wherry_test(transfer_log LINK server)
wherry_wrap(test_listeners udp_listen tcp_listen)

add_test(NAME wherryd_options_documented
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/cli/options_documented.sh $<TARGET_FILE:wherryd>
    ${PROJECT_SOURCE_DIR}/man)
add_test(NAME wherryd_usage
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/cli/wherryd_usage.sh $<TARGET_FILE:wherryd>)
set_tests_properties(wherryd_options_documented wherryd_usage
  PROPERTIES TIMEOUT 120 LABELS self-contained)

wherry_test(signals DIR net
    SOURCES net/server_process.c support/pattern.c support/scratch.c LINK flags)
target_compile_definitions(test_signals PRIVATE WHERRYD="$<TARGET_FILE:wherryd>")
add_dependencies(test_signals wherryd)

wherry_test(workers DIR net
    SOURCES net/server_process.c support/pattern.c support/scratch.c LINK flags)
target_compile_definitions(test_workers PRIVATE WHERRYD="$<TARGET_FILE:wherryd>")
add_dependencies(test_workers wherryd)
# No machine of ours runs out of threads.
wherry_test(workers_start DIR net SOURCES support/scratch.c LINK server)
wherry_wrap(test_workers_start thread_start)
