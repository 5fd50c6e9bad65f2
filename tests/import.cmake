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
