# SPDX-License-Identifier: BSD-2-Clause
# What the packages install beside the programs.
add_test(NAME conffile
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/cli/conffile.sh $<TARGET_FILE:wherryd>
    ${PROJECT_SOURCE_DIR}/debian/conf/wherryd.conf)
set_tests_properties(conffile PROPERTIES TIMEOUT 60 LABELS self-contained)
