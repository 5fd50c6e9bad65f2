# SPDX-License-Identifier: BSD-2-Clause
# wherry_fuzz_target(<name> LINK <libraries> [SOURCES <more>]): fuzz/fuzz_<name>.c as libFuzzer's
# program where WHERRY_FUZZ is on, and anywhere as the test replay_<name> over fuzz/corpus/<name>/.
# All of libFuzzer's programs: target `fuzzers`.
add_custom_target(fuzzers)
function(wherry_fuzz_target name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LINK;SOURCES")
  add_executable(replay_${name} fuzz/replay.c fuzz/fuzz_${name}.c ${arg_SOURCES})
  set(programs replay_${name})
  if(WHERRY_FUZZ)
    add_executable(fuzz_${name} fuzz/fuzz_${name}.c ${arg_SOURCES})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers fuzz_${name})
    list(APPEND programs fuzz_${name})
  endif()
  foreach(program ${programs})
    target_include_directories(${program} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${program} PRIVATE ${arg_LINK})
  endforeach()
  add_test(NAME replay_${name}
    COMMAND replay_${name} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name})
  set_tests_properties(replay_${name} PROPERTIES TIMEOUT 120 LABELS "pure;self-contained")
endfunction()

foreach(name packet options netascii frame message)
  wherry_fuzz_target(${name} LINK proto)
endforeach()
foreach(name exchange client_exchange)
  wherry_fuzz_target(${name} LINK proto SOURCES support/feed.c)
endforeach()
foreach(name sender receiver)
  wherry_fuzz_target(${name} LINK proto SOURCES support/feed.c support/packets.c)
endforeach()
