# SPDX-License-Identifier: BSD-2-Clause
# 64 bits, big-endian.
set(CMAKE_SYSTEM_PROCESSOR s390x)
set(foreign_arch s390x)
set(foreign_compiler s390x-linux-gnu)
set(foreign_libs s390x-linux-gnu)
set(foreign_loader /lib/ld64.so.1)
include(${CMAKE_CURRENT_LIST_DIR}/foreign.cmake)
set(CMAKE_CROSSCOMPILING_EMULATOR "qemu-s390x;-L;${foreign_root}" CACHE STRING "runs the tests")
