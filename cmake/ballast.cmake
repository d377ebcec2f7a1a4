# SPDX-License-Identifier: Apache-2.0
# Compiler settings shared by every target, and the two ways a folder declares itself.

add_library(ballast_options INTERFACE)
target_compile_options(ballast_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Werror
  -fstack-protector-strong -fstack-clash-protection -fcf-protection
  # The compiler looks for its own garbage at one GiB only: most files need less, and every look costs time.
  "SHELL:--param ggc-min-heapsize=1048576" "SHELL:--param ggc-min-expand=100"
  # The checkout's place must not reach the binaries: two builds give the same bytes.
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
target_compile_definitions(ballast_options INTERFACE
  $<$<CONFIG:Release>:_FORTIFY_SOURCE=3> $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)
target_include_directories(ballast_options INTERFACE ${CMAKE_SOURCE_DIR})
target_link_options(ballast_options INTERFACE -Wl,-z,relro,-z,now)

if(BALLAST_SANITIZE)
  target_compile_options(ballast_options INTERFACE -fsanitize=${BALLAST_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(ballast_options INTERFACE -fsanitize=${BALLAST_SANITIZE})
endif()

# ballast_library(NAME SOURCES ... [LIBRARIES ...])
function(ballast_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC ballast_options ${arg_LIBRARIES})
endfunction()

# ballast_small(TARGET...): compiled for size. Of a static program that runs for milliseconds every page that it touches is
# read, mapped and counted as its memory, which costs more than what faster code would save.
function(ballast_small)
  foreach(name IN LISTS ARGN)
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-Os> -ffunction-sections -fdata-sections)
  endforeach()
endfunction()

# What an image is made of and with, and the machine that boots it: all that `./dev boot` needs, which no test is part of.
add_custom_target(image-programs)

# ballast_install(TARGET DIR): part of the image, under that directory.
function(ballast_install name directory)
  install(TARGETS ${name} DESTINATION ${directory})
  add_dependencies(image-programs ${name})
endfunction()

# ballast_program(NAME SOURCES ... [LIBRARIES ...] [DESTINATION DIR])
# With DESTINATION the program is part of the image, under that directory.
function(ballast_program name)
  cmake_parse_arguments(arg "" "DESTINATION" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ballast_options ${arg_LIBRARIES})
  if(arg_DESTINATION)
    ballast_install(${name} ${arg_DESTINATION})
  endif()
endfunction()

# ballast_tests(NAME LABEL label SOURCES ... [LIBRARIES ...] [SERIAL] [FIRST])
# One Catch2 program, every TEST_CASE a ctest test with that label (unit, integration, vm, peers, chaos, fuzz).
# SERIAL: its tests never run beside another test. FIRST: they take so long that the others run beside them.
function(ballast_tests name)
  cmake_parse_arguments(arg "SERIAL;FIRST" "LABEL" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ballast_options Catch2::Catch2WithMain ${arg_LIBRARIES})
  set(properties LABELS ${arg_LABEL})
  if(arg_SERIAL)
    list(APPEND properties RUN_SERIAL TRUE)
  endif()
  if(arg_FIRST)
    list(APPEND properties COST 1000)
  endif()
  catch_discover_tests(${name} TEST_PREFIX "${arg_LABEL}: " DISCOVERY_MODE PRE_TEST
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} PROPERTIES ${properties} SKIP_RETURN_CODE 4)
endfunction()
