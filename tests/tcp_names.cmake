# SPDX-License-Identifier: BSD-2-Clause
# names and directories of the file protocol
wherry_test(exact LINK store SOURCES support/scratch.c)
# The tests stand in for a kernel that does not have a name in memory.
target_link_options(test_exact PRIVATE -Wl,--wrap=syscall)
