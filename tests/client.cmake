# SPDX-License-Identifier: BSD-2-Clause
wherry_test(url LINK client)
wherry_test(attempts LINK client)
wherry_test(progress LINK client)
wherry_test(client_options LINK client)
wherry_test(outcome LINK client)

add_test(NAME wherry_options_documented
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/cli/wherry_options_documented.sh
    $<TARGET_FILE:wherry> ${PROJECT_SOURCE_DIR}/man/wherry.1)
set_tests_properties(wherry_options_documented PROPERTIES TIMEOUT 60 LABELS self-contained)
