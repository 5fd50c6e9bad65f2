# SPDX-License-Identifier: BSD-2-Clause
# configuration by directory, and rules of the policy
wherry_test(config_files LINK server SOURCES support/config_story.c)
wherry_test(config_rules LINK server SOURCES support/config_story.c)
foreach(program rules rules_reload)
  wherry_test(${program} DIR net
    SOURCES net/rules_story.c net/server_process.c net/wire_client.c support/pattern.c
      support/scratch.c
    LINK proto base flags)
  target_compile_definitions(test_${program} PRIVATE WHERRYD="$<TARGET_FILE:wherryd>")
  add_dependencies(test_${program} wherryd)
endforeach()
wherry_test(judge LINK store SOURCES support/scratch.c support/jail_root.c)
# The tests replace a file between a look at its name and the judgement.
wherry_wrap(test_judge beneath_open)
