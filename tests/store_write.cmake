# SPDX-License-Identifier: BSD-2-Clause
set(scratch support/scratch.c)
# Stands in for kernels without openat2 and for its answers that come by chance alone.
wherry_test(jail LINK store SOURCES ${scratch})
target_link_options(test_jail PRIVATE -Wl,--wrap=syscall)
wherry_test(policy LINK store)
