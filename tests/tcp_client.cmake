# SPDX-License-Identifier: BSD-2-Clause
# wherry over the file protocol.
wherry_test(json LINK client)
wherry_test(meter LINK client)

# The program against a server that follows a script.
foreach(story list)
  wherry_test(client_${story} DIR net
    SOURCES support/pattern.c support/program.c support/scratch.c support/scripted_tcp.c
    LINK client)
  target_compile_definitions(test_client_${story} PRIVATE WHERRY="$<TARGET_FILE:wherry>")
  add_dependencies(test_client_${story} wherry)
endforeach()

wherry_test(link DIR net
  SOURCES support/pattern.c support/program.c support/scratch.c support/scripted_tcp.c
  LINK client)
target_compile_definitions(test_link PRIVATE WHERRY="$<TARGET_FILE:wherry>")
