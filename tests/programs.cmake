# SPDX-License-Identifier: BSD-2-Clause
# Tests of the built programs over loopback sockets.
function(wherry_program_test name)
  wherry_test(${name} DIR net
    SOURCES net/server_process.c support/pattern.c support/scratch.c LINK flags)
  target_compile_definitions(test_${name} PRIVATE WHERRYD="$<TARGET_FILE:wherryd>")
  add_dependencies(test_${name} wherryd)
endfunction()

wherry_program_test(hostile)
