# SPDX-License-Identifier: BSD-2-Clause
set(scratch support/scratch.c)
# Stands in for kernels without openat2 and for its answers that come by chance alone.
wherry_test(jail LINK store
  SOURCES ${scratch} support/jail_root.c support/openat2_answers.c)
wherry_wrap(test_jail syscall)
wherry_test(jail_target LINK store SOURCES ${scratch} support/jail_root.c)
wherry_test(policy LINK store)
# Stands in for file systems without RENAME_NOREPLACE.
wherry_test(temp LINK store SOURCES ${scratch})
wherry_wrap(test_temp renameat2)
# Stands in for a system without /proc, where a file without a name can get none.
wherry_test(writer LINK store SOURCES ${scratch} support/upload.c)
wherry_wrap(test_writer access write)
foreach(part local race room)
  wherry_test(writer_${part} LINK store SOURCES ${scratch} support/upload.c)
endforeach()
wherry_test(sweep LINK store SOURCES ${scratch})
wherry_test(straight LINK store SOURCES ${scratch})
wherry_test(sink LINK store SOURCES ${scratch})
