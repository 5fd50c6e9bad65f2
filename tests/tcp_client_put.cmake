# SPDX-License-Identifier: BSD-2-Clause
# wherry put over the file protocol, against a server that follows a script.
foreach(story remote_put put_tree)
  wherry_test(client_${story} DIR net
    SOURCES support/pattern.c support/program.c support/put_story.c support/scratch.c
      support/scripted_tcp.c
    LINK client)
  target_compile_definitions(test_client_${story} PRIVATE WHERRY="$<TARGET_FILE:wherry>")
  add_dependencies(test_client_${story} wherry)
endforeach()

# Against the server itself.
wherry_test(client_put_served DIR net
  SOURCES net/server_process.c support/pattern.c support/program.c support/scratch.c
  LINK flags)
target_compile_definitions(test_client_put_served PRIVATE
  WHERRY="$<TARGET_FILE:wherry>" WHERRYD="$<TARGET_FILE:wherryd>")
add_dependencies(test_client_put_served wherry wherryd)
