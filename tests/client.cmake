# SPDX-License-Identifier: BSD-2-Clause
wherry_test(url LINK client)
wherry_test(attempts LINK client)
wherry_test(progress LINK client)
wherry_test(client_options LINK client)
wherry_test(link_words LINK client)
wherry_test(outcome LINK client)
wherry_test(verdict LINK client)

add_test(NAME wherry_options_documented
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/cli/wherry_options_documented.sh
    $<TARGET_FILE:wherry> ${PROJECT_SOURCE_DIR}/man/wherry.1)
set_tests_properties(wherry_options_documented PROPERTIES TIMEOUT 60 LABELS self-contained)

add_test(NAME wherry_usage
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/cli/wherry_usage.sh
    $<TARGET_FILE:wherry> $<TARGET_FILE:wherryd>)
set_tests_properties(wherry_usage PROPERTIES TIMEOUT 60 LABELS self-contained)

# The program against a server that follows a script.
foreach(story get get_ends put addresses)
  wherry_test(client_${story} DIR net
    SOURCES support/pattern.c support/program.c support/scratch.c support/scripted_server.c
    LINK client)
  target_compile_definitions(test_client_${story} PRIVATE WHERRY="$<TARGET_FILE:wherry>")
  add_dependencies(test_client_${story} wherry)
endforeach()
# The test says what a host's addresses are.
wherry_wrap(test_client_addresses addr_resolve)

# Loopback never fills a socket: udp_story.c plays a kernel that does.
wherry_test(tftp_side DIR net
  SOURCES net/udp_story.c support/pattern.c support/scratch.c LINK client)
wherry_wrap(test_tftp_side socket sendto sendmsg sendmmsg recvmsg recvmmsg)
