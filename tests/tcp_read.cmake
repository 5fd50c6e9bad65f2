# SPDX-License-Identifier: BSD-2-Clause
wherry_test(validator LINK store)
# libcrypto fails only without memory.
target_link_options(test_validator PRIVATE -Wl,--wrap=SHA256)
