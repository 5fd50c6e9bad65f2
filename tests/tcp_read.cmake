# SPDX-License-Identifier: BSD-2-Clause
wherry_test(validator LINK store)
wherry_test(hasher LINK store SOURCES support/scratch.c)
# What is done to a file while it is hashed, how often it is, and what time it is meanwhile.
wherry_wrap(test_hasher EVP_DigestInit_ex EVP_DigestUpdate clock_gettime)
wherry_test(span LINK store SOURCES support/scratch.c support/pattern.c)
# The test stands in for the kernel's answer to "is it in memory?" and for a disk that fails.
wherry_wrap(test_span preadv2 preadv64v2 pread pread64 fstatfs fstatfs64 exact_open_file)
