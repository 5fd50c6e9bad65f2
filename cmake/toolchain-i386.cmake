# SPDX-License-Identifier: BSD-2-Clause
# 32 bits, little-endian.
set(CMAKE_SYSTEM_PROCESSOR i686)
set(foreign_arch i386)
set(foreign_compiler i686-linux-gnu)
set(foreign_libs i386-linux-gnu)
set(foreign_loader /lib/ld-linux.so.2)
include(${CMAKE_CURRENT_LIST_DIR}/foreign.cmake)
set(CMAKE_CROSSCOMPILING_EMULATOR "qemu-i386;-L;${foreign_root}" CACHE STRING "runs the tests")
