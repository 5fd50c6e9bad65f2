# SPDX-License-Identifier: BSD-2-Clause
# Uploads of the Wherry file protocol.
set(upload_story support/scratch.c support/upload_story.c)

wherry_test(upload LINK store SOURCES ${upload_story})
