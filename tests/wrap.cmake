# SPDX-License-Identifier: BSD-2-Clause
# wherry_wrap(<target> <function>...): calls of these reach the test's __wrap_<function> instead,
# which may call __real_<function>.
# On 32-bit machines what has 64-bit times or files goes by another name in glibc. Tests say the
# ordinary name of the former, and these lines translate; of the latter they wrap both names, as
# glibc uses either on 64-bit machines, and only what is behind them has to be the wide one.
set(wide_time sendmsg=__sendmsg64 sendmmsg=__sendmmsg64 recvmsg=__recvmsg64
  recvmmsg=__recvmmsg64 setsockopt=__setsockopt64 clock_gettime=__clock_gettime64
  pthread_cond_timedwait=__pthread_cond_timedwait64)
set(wide_files preadv2=preadv64v2 pread=pread64 fstatfs=fstatfs64)

function(wherry_wrap target)
  foreach(name ${ARGN})
    if(CMAKE_SIZEOF_VOID_P EQUAL 4)
      foreach(pair ${wide_time} ${wide_files})
        if(pair MATCHES "^${name}=(.*)")
          set(wide ${CMAKE_MATCH_1})
          target_compile_definitions(${target} PRIVATE __real_${name}=__real_${wide})
          if(pair IN_LIST wide_time)
            target_compile_definitions(${target} PRIVATE __wrap_${name}=__wrap_${wide})
            set(name ${wide})
          endif()
        endif()
      endforeach()
    endif()
    target_link_options(${target} PRIVATE -Wl,--wrap=${name})
  endforeach()
endfunction()
