# SPDX-License-Identifier: BSD-2-Clause
# Uploads of the Wherry file protocol.
set(upload_story support/scratch.c support/upload_broken.c support/upload_story.c)

wherry_test(keep LINK store SOURCES support/scratch.c)
foreach(name upload upload_kept upload_limits upload_resume)
  wherry_test(${name} LINK store SOURCES ${upload_story})
endforeach()
# fsync(2) tells the test what it was called for.
wherry_wrap(test_upload fsync)
wherry_test(tcp_put DIR net LINK server
  SOURCES net/tcp_served.c net/tcp_client.c support/log_lines.c support/pattern.c
    support/scratch.c)
