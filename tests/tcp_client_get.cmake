# SPDX-License-Identifier: BSD-2-Clause
# The client's side of get over the file protocol.
wherry_test(partial LINK client SOURCES support/scratch.c)
wherry_test(entries LINK client)

# The program against a server that follows a script.
foreach(story get resume tree)
  wherry_test(client_remote_${story} DIR net
    SOURCES support/pattern.c support/program.c support/scratch.c support/scripted_tcp.c
    LINK client)
  target_compile_definitions(test_client_remote_${story} PRIVATE WHERRY="$<TARGET_FILE:wherry>")
  add_dependencies(test_client_remote_${story} wherry)
endforeach()
