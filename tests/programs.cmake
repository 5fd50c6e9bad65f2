# SPDX-License-Identifier: BSD-2-Clause
# Tests of the built programs over loopback sockets, and of what is written about the tests.
function(wherry_program_test name)
  wherry_test(${name} DIR net
    SOURCES net/server_process.c support/pattern.c support/scratch.c LINK flags)
  target_compile_definitions(test_${name} PRIVATE WHERRYD="$<TARGET_FILE:wherryd>")
  add_dependencies(test_${name} wherryd)
endfunction()

wherry_program_test(hostile)

# Our client and our server with a bad link between them.
wherry_test(bad_wire DIR net
  SOURCES net/relay.c net/server_process.c support/chance.c support/link.c support/pattern.c
    support/program.c support/scratch.c support/scripted_server.c
  LINK flags)
target_compile_definitions(test_bad_wire PRIVATE
  WHERRY="$<TARGET_FILE:wherry>" WHERRYD="$<TARGET_FILE:wherryd>")
add_dependencies(test_bad_wire wherry wherryd)

add_test(NAME rules_have_tests
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/cli/rules_have_tests.sh ${PROJECT_SOURCE_DIR}/doc/rules.md
    ${CMAKE_CURRENT_SOURCE_DIR})
set_tests_properties(rules_have_tests PROPERTIES TIMEOUT 60 LABELS self-contained)
