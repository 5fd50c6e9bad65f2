# SPDX-License-Identifier: BSD-2-Clause
# The sandbox: what it denies, what it allows, and what is written about it.
wherry_test(sandbox_filter DIR net SOURCES support/attempt.c support/scratch.c LINK server)
wherry_test(sandbox DIR net SOURCES support/attempt.c support/scratch.c LINK server)

add_executable(sandbox_list support/sandbox_list.c)
target_link_libraries(sandbox_list PRIVATE server)
add_test(NAME sandbox_documented
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/cli/security_doc.sh $<TARGET_FILE:sandbox_list>
    ${PROJECT_SOURCE_DIR}/doc/security.md)
set_tests_properties(sandbox_documented PROPERTIES TIMEOUT 60 LABELS self-contained)

wherry_test(sandboxed DIR net
    SOURCES net/plain_client.c net/server_process.c support/pattern.c support/scratch.c
    LINK flags PkgConfig::SECCOMP)
target_compile_definitions(test_sandboxed PRIVATE WHERRYD="$<TARGET_FILE:wherryd>")
add_dependencies(test_sandboxed wherryd)
