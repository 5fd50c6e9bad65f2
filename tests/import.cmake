# SPDX-License-Identifier: BSD-2-Clause
# wherryd: the settings of other servers.
wherry_test(import_shell LINK server)
foreach(name import_tftpd_hpa import_atftpd import_dnsmasq import_hostile)
  wherry_test(${name} LINK server SOURCES support/chance.c support/import_story.c
    support/scratch.c)
endforeach()

add_test(NAME wherryd_import
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/cli/import.sh $<TARGET_FILE:wherryd>)
set_tests_properties(wherryd_import PROPERTIES TIMEOUT 120 LABELS self-contained)

# What strangers send, on its way to logs, terminals and JSON: both programs.
wherry_test(raw_names DIR net
  SOURCES net/server_process.c net/wire_client.c support/pattern.c support/program.c
    support/scratch.c support/scripted_server.c support/scripted_tcp.c
  LINK client)
target_compile_definitions(test_raw_names PRIVATE
  WHERRY="$<TARGET_FILE:wherry>" WHERRYD="$<TARGET_FILE:wherryd>")
add_dependencies(test_raw_names wherry wherryd)
