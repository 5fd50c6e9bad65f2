# SPDX-License-Identifier: BSD-2-Clause
wherry_test(keeper LINK store)
wherry_test(files LINK store)
wherry_test(reader LINK store)
wherry_test(source LINK store)
wherry_test(version LINK store)
# The tests stand in for the kernel's answer to "is it in memory?" and for the jail's, which no
# program can bring about at will. 64-bit files have a name of their own on 32-bit machines.
wherry_wrap(test_reader preadv2 preadv64v2 fstatfs fstatfs64)
wherry_wrap(test_files preadv2 preadv64v2 reader_load clock_gettime loop_now_ns)
wherry_wrap(test_source preadv2 preadv64v2 jail_open_file clock_gettime)
