# One INTERFACE target carries every flag; no global flags are set.
add_library(project_options INTERFACE)
target_compile_features(project_options INTERFACE cxx_std_20)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
target_include_directories(project_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
target_compile_options(project_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wold-style-cast -Wformat=2)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports members of moved variants as "maybe uninitialized"; there are no true reports.
  target_compile_options(project_options INTERFACE -Wduplicated-cond -Wlogical-op
                                                   -Wno-maybe-uninitialized)
endif()

if(LANDSEER_SANITIZER STREQUAL "address")
  target_compile_options(project_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined
                                                   -fno-omit-frame-pointer)
  target_link_options(project_options INTERFACE -fsanitize=address,undefined)
elseif(LANDSEER_SANITIZER STREQUAL "thread")
  target_compile_options(project_options INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(project_options INTERFACE -fsanitize=thread)
elseif(LANDSEER_SANITIZER STREQUAL "fuzzer")
  # clang only. Programs of tests/fuzz add the part with `main`.
  target_compile_options(project_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined
                                                   -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(project_options INTERFACE -fsanitize=address,undefined)
endif()

# Both are optional: they only shorten the wait.
find_program(LANDSEER_CCACHE_PROGRAM ccache)
if(LANDSEER_CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${LANDSEER_CCACHE_PROGRAM})
endif()
find_program(LANDSEER_MOLD_PROGRAM mold)
if(LANDSEER_MOLD_PROGRAM)
  target_link_options(project_options INTERFACE -fuse-ld=mold)
endif()

# landseer_library(NAME SOURCES a.cc ... LIBRARIES x y): the static library of one module folder.
function(landseer_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC project_options ${ARG_LIBRARIES})
endfunction()
