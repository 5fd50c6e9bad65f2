# SPDX-License-Identifier: BSD-2-Clause
wherry_test(validator LINK store)
# libcrypto fails only without memory.
target_link_options(test_validator PRIVATE -Wl,--wrap=SHA256)
wherry_test(hasher LINK store SOURCES support/scratch.c)
# What is done to a file while it is hashed, how often it is, and what time it is meanwhile.
target_link_options(test_hasher PRIVATE -Wl,--wrap=EVP_DigestInit_ex -Wl,--wrap=EVP_DigestUpdate
  -Wl,--wrap=clock_gettime)
