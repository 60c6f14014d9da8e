# A room is a folder: its .cpp files (not those of folders below it) become one static library, named like the folder
# with underscores. main.cpp belongs to the program, not to the room.

function(troop_warnings target)
  # GCC 12 takes the frame allocator of Boost.Asio coroutines for a mismatch.
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Wno-mismatched-new-delete)
  if(TROOP_SANITIZE STREQUAL "address")
    target_compile_options(${target} PUBLIC -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
    # With this sanitizer GCC 12 sees uninitialised values within std::regex that are not there.
    target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
  elseif(TROOP_SANITIZE STREQUAL "thread")
    # Boost.Asio's fences are not seen by the sanitizer; what it guards with them is used from one thread here.
    target_compile_options(${target} PUBLIC -fsanitize=thread -fno-omit-frame-pointer -Wno-tsan)
    target_link_options(${target} PUBLIC -fsanitize=thread)
  endif()
endfunction()

function(troop_room folder)
  cmake_parse_arguments(ROOM "" "" "LINK" ${ARGN})
  string(REPLACE "/" "_" name ${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  if(sources)
    add_library(${name} STATIC ${sources})
    target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${ROOM_LINK})
    troop_warnings(${name})
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name} INTERFACE ${ROOM_LINK})
  endif()
endfunction()

function(troop_program name main)
  cmake_parse_arguments(PROGRAM "" "" "LINK" ${ARGN})
  if(EXISTS ${PROJECT_SOURCE_DIR}/${main})
    add_executable(${name} ${main})
    target_link_libraries(${name} PRIVATE ${PROGRAM_LINK})
    troop_warnings(${name})
  endif()
endfunction()

# One GoogleTest program per folder of tests. Each test runs alone in a process, several at once; except that the tests
# of each suite named after TOGETHER run one after the other in one process, as one test to ctest: they share a broker.
# For the sanitizers they are alone too, since `./dev asan` picks among them.
function(troop_test name folder)
  cmake_parse_arguments(TEST "OWN_HEADERS;ALONE" "TIMEOUT" "LINK;LABELS;TOGETHER" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${TEST_LINK} GTest::gmock_main)
  # What is tested is optimised; what tests it takes half the time to compile so, and no longer to run.
  target_compile_options(${name} PRIVATE -O0)
  if(TEST_OWN_HEADERS OR name STREQUAL unit_common)  # OWN_HEADERS: compiled with definitions of its own
    target_precompile_headers(${name} PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
  else()
    target_precompile_headers(${name} REUSE_FROM unit_common)
  endif()
  target_compile_definitions(${name} PRIVATE TROOP_SOURCE_DIR="${PROJECT_SOURCE_DIR}" TROOP_BIN_DIR="${CMAKE_BINARY_DIR}/bin")
  troop_warnings(${name})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  set(lock)
  if(TEST_ALONE)  # one at a time, with fewer others beside
    set(lock RESOURCE_LOCK ${name} PROCESSORS 2 COST 1000)  # first of all: they would be a long queue at the end
  endif()
  set(filter)
  if(TEST_TOGETHER AND NOT TROOP_SANITIZE)
    list(TRANSFORM TEST_TOGETHER APPEND ".*" OUTPUT_VARIABLE others)
    list(JOIN others ":" others)
    set(filter TEST_FILTER "-${others}")
    foreach(suite ${TEST_TOGETHER})
      add_test(NAME ${name}.${suite} COMMAND ${name} --gtest_filter=${suite}.*)
      set_tests_properties(${name}.${suite} PROPERTIES LABELS "${TEST_LABELS};together" TIMEOUT 900 COST 100
        FAIL_REGULAR_EXPRESSION "Running 0 tests")  # a suite of another name
    endforeach()
  endif()
  gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60 ${filter}
    PROPERTIES LABELS "${TEST_LABELS}" TIMEOUT ${TEST_TIMEOUT} ${lock})
endfunction()

# One benchmark program per file of a folder: NAME.cpp becomes bench_NAME. Built by the target `benches` only.
function(troop_bench folder)
  cmake_parse_arguments(BENCH "" "" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
  add_custom_target(benches)
  foreach(source ${sources})
    get_filename_component(name ${source} NAME_WE)
    add_executable(bench_${name} EXCLUDE_FROM_ALL ${source})
    add_dependencies(benches bench_${name})
    target_link_libraries(bench_${name} PRIVATE ${BENCH_LINK})
    target_compile_definitions(bench_${name} PRIVATE TROOP_SOURCE_DIR="${PROJECT_SOURCE_DIR}" TROOP_BIN_DIR="${CMAKE_BINARY_DIR}/bin")
    troop_warnings(bench_${name})
  endforeach()
endfunction()
