# SPDX-License-Identifier: BSD-2-Clause
# names and directories of the file protocol
wherry_test(exact LINK store
  SOURCES support/scratch.c support/jail_root.c support/openat2_answers.c)
# The tests stand in for a kernel that does not have a name in memory.
wherry_wrap(test_exact syscall)
wherry_test(names LINK store SOURCES support/scratch.c)
# The tests stand in for file systems that say a name twice, or no types, or fail.
wherry_wrap(test_names readdir readdir64)
wherry_test(listing LINK store SOURCES support/scratch.c support/list_reader.c)
wherry_test(listing_share LINK store SOURCES support/scratch.c support/list_reader.c)
# The tests stand in for directories that were changed long ago, or that cannot be read.
wherry_wrap(test_listing_share exact_open_dir names_read)
wherry_test(listing_many LINK store
  SOURCES support/scratch.c support/list_reader.c support/chance.c)
wherry_test(tcp_list DIR net LINK server
  SOURCES net/tcp_served.c net/tcp_client.c support/log_lines.c support/pattern.c
    support/scratch.c)
