# SPDX-License-Identifier: BSD-2-Clause
wherry_test(keeper LINK store)
wherry_test(files LINK store)
wherry_test(reader LINK store)
wherry_test(source LINK store)
wherry_test(version LINK store)
# The tests stand in for the kernel's answer to "is it in memory?" and for the jail's, which no
# program can bring about at will. 64-bit files have a name of their own on 32-bit machines.
target_link_options(test_reader PRIVATE
  -Wl,--wrap=preadv2 -Wl,--wrap=preadv64v2 -Wl,--wrap=fstatfs -Wl,--wrap=fstatfs64)
target_link_options(test_files PRIVATE
  -Wl,--wrap=preadv2 -Wl,--wrap=preadv64v2 -Wl,--wrap=reader_load -Wl,--wrap=clock_gettime
  -Wl,--wrap=loop_now_ns)
target_link_options(test_source PRIVATE
  -Wl,--wrap=preadv2 -Wl,--wrap=preadv64v2 -Wl,--wrap=jail_open_file
  -Wl,--wrap=clock_gettime)
