# SPDX-License-Identifier: BSD-2-Clause
# The file protocol's door of a running wherryd, under load, under attack, and beside the other door.
foreach(name many kill names both)
  wherry_test(tcp_${name} DIR net
    SOURCES net/server_process.c net/wire_client.c support/chance.c support/pattern.c
      support/scratch.c
    LINK proto flags)
  target_compile_definitions(test_tcp_${name} PRIVATE
    WHERRY="$<TARGET_FILE:wherry>" WHERRYD="$<TARGET_FILE:wherryd>")
  add_dependencies(test_tcp_${name} wherry wherryd)
endforeach()
