# SPDX-License-Identifier: BSD-2-Clause
# What the toolchain files share: Debian's cross compiler, the libraries that tests/foreign.sh
# unpacks into build/foreign, and an emulator, so that ctest runs what was built.
# The caller sets foreign_arch (Debian's name), foreign_compiler (prefix of the compiler's name),
# foreign_libs (Debian's directory of libraries) and foreign_loader (of programs, in the sysroot).
cmake_path(SET foreign_root NORMALIZE
  "${CMAKE_CURRENT_LIST_DIR}/../build/foreign/${foreign_arch}/sysroot")

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${foreign_compiler}-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE ${foreign_libs})
set(CMAKE_SYSROOT ${foreign_root})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${foreign_root})
set(ENV{PKG_CONFIG_LIBDIR} ${foreign_root}/usr/lib/${foreign_libs}/pkgconfig)

# Programs find the sysroot by themselves, for kernels that run them without an emulator: the old
# kind of rpath also holds for the libraries of libraries.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,--dynamic-linker=${foreign_root}${foreign_loader} \
-Wl,--disable-new-dtags,-rpath,${foreign_root}/lib/${foreign_libs}:${foreign_root}/usr/lib/${foreign_libs}")
