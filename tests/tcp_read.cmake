# SPDX-License-Identifier: BSD-2-Clause
wherry_test(validator LINK store)
wherry_test(hasher LINK store SOURCES support/scratch.c)
# What is done to a file while it is hashed, how often it is, and what time it is meanwhile.
target_link_options(test_hasher PRIVATE -Wl,--wrap=EVP_DigestInit_ex -Wl,--wrap=EVP_DigestUpdate
  -Wl,--wrap=clock_gettime)
wherry_test(span LINK store SOURCES support/scratch.c support/pattern.c)
# The test stands in for the kernel's answer to "is it in memory?" and for a disk that fails.
target_link_options(test_span PRIVATE
  -Wl,--wrap=preadv2 -Wl,--wrap=preadv64v2 -Wl,--wrap=pread -Wl,--wrap=pread64
  -Wl,--wrap=fstatfs -Wl,--wrap=fstatfs64 -Wl,--wrap=exact_open_file)
