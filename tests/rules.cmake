# SPDX-License-Identifier: BSD-2-Clause
# configuration by directory, and rules of the policy
wherry_test(config_files LINK server SOURCES support/config_story.c)
wherry_test(config_rules LINK server SOURCES support/config_story.c)
