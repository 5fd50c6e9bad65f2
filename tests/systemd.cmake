# SPDX-License-Identifier: BSD-2-Clause
# wherryd under a service manager: what it tells it, the sockets it is handed, its units.
add_test(NAME unit_exposure
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/cli/unit_exposure.sh $<TARGET_FILE:wherryd>
    ${PROJECT_SOURCE_DIR}/debian)
set_tests_properties(unit_exposure
  PROPERTIES TIMEOUT 60 LABELS self-contained SKIP_RETURN_CODE 77)

wherry_test(handover LINK server)
wherry_test(inherited LINK server)
wherry_test(notify LINK server SOURCES support/log_lines.c support/scratch.c)

foreach(part told sockets)
  wherry_test(systemd_${part} DIR net
    SOURCES net/managed.c net/plain_client.c net/server_process.c net/wire_client.c support/chance.c
      support/pattern.c support/scratch.c
    LINK proto flags)
  target_compile_definitions(test_systemd_${part} PRIVATE WHERRYD="$<TARGET_FILE:wherryd>")
  add_dependencies(test_systemd_${part} wherryd)
endforeach()

wherry_test(heartbeat DIR net SOURCES support/scratch.c LINK server)
